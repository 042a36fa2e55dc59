"""What user code prints, as lines of the log."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, TextIO
from weakref import WeakKeyDictionary

from bide.observe.log import Sink, current_sink, format_line

#: Bytes without a line's end after which a line is written anyway.
_LONGEST_LINE: Final = 64 * 1024


class LineStream(io.RawIOBase):
    """A binary stream that writes each line to the current sink; parts of lines wait for their end."""

    def __init__(self, name: str, fd: int) -> None:
        super().__init__()
        self._name = name
        self._fd = fd
        # By sink, so that what two triggers print by and by does not mix.
        self._parts: WeakKeyDictionary[Sink, bytes] = WeakKeyDictionary()

    def fileno(self) -> int:
        """The descriptor that children write to."""
        return self._fd

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        """Take bytes; always takes all."""
        sink = current_sink()
        given = bytes(data)
        *lines, rest = (self._parts.pop(sink, b"") + given).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines.append(rest)
            rest = b""
        if rest:
            self._parts[sink] = rest
        if lines:
            self._write_lines(sink, lines)
        return len(given)

    def finish_lines(self) -> None:
        """Write what the current sink still waits for the end of."""
        sink = current_sink()
        rest = self._parts.pop(sink, b"")
        if rest:
            self._write_lines(sink, [rest])

    def _write_lines(self, sink: Sink, lines: list[bytes]) -> None:
        level = "ERROR" if self._fd == 2 else "INFO"
        now = time.time()
        text = [line.decode("utf-8", "backslashreplace").removesuffix("\r") for line in lines]
        sink.write("".join(format_line(level, self._name, line, now) for line in text))


class CapturedStreams:
    """``sys.stdout`` and ``sys.stderr`` of a process whose output goes to the current sink."""

    def __init__(self) -> None:
        self._lines = LineStream("stdout", 1), LineStream("stderr", 2)
        self._texts = tuple(_as_text(stream) for stream in self._lines)

    def install(self) -> None:
        """Put them in place; also after somebody has put others there."""
        sys.stdout, sys.stderr = self._texts

    def finish_lines(self) -> None:
        """Write what the current sink still waits for the end of."""
        for text, stream in zip(self._texts, self._lines, strict=True):
            text.flush()
            stream.finish_lines()


def finish_lines() -> None:
    """Write what the current sink still waits for the end of, if this process's output goes to sinks."""
    for text in (sys.stdout, sys.stderr):
        stream = getattr(text, "buffer", None)
        if isinstance(stream, LineStream):
            text.flush()
            stream.finish_lines()


def _as_text(stream: LineStream) -> TextIO:
    return io.TextIOWrapper(
        stream,  # pyright: ignore[reportArgumentType]  # it takes all that is written, as a buffered stream does
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=True,
        write_through=True,
    )


@contextmanager
def redirected_descriptors(fd: int) -> Generator[None]:
    """Point the process's standard output and error to `fd`, for children and libraries that write there."""
    saved = [(number, os.dup(number)) for number in (1, 2)]
    for number, _ in saved:
        os.dup2(fd, number)
    try:
        yield
    finally:
        for number, copy in saved:
            os.dup2(copy, number)
            os.close(copy)
