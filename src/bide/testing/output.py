"""What tasks say while they run inline: into their log, and to the terminal if that is wanted."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO, cast

from bide.observe.log import PathSink, SinkHandler, current_sink, format_line
from bide.observe.masking import mask

#: Gets lines as people see them.
Echo = Callable[[str], None]
_LEVEL: Final = logging.INFO


class TaskSink(PathSink):
    """The log of one try; `echo` gets each line too, with the task's name in front."""

    def __init__(self, path: str | Path, label: str, echo: Echo | None = None) -> None:
        super().__init__(path)
        self._label = label
        self._echo = echo

    def write(self, text: str) -> None:
        """Append to the log."""
        super().write(text)
        if self._echo is not None:
            self._echo("".join(f"[{self._label}] {line}\n" for line in mask(text).splitlines()))

    def keep(self, text: str) -> None:
        """Append to the log what the terminal has shown already."""
        super().write(text)


class TaskHandler(SinkHandler):
    """Hands on what tasks and triggers log, in the run's own time, and nothing else of this process."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        if isinstance(current_sink(), TaskSink):
            own = copy.copy(record)
            own.created = self._now()
            super().emit(own)


class TeeStream:
    """Stands for ``sys.stdout`` or ``sys.stderr``: what tasks print comes out as ever, and is in their log too."""

    def __init__(self, stream: TextIO, name: str, level: str, now: Callable[[], float]) -> None:
        self._stream = stream
        self._name = name
        self._level = level
        self._now = now
        self._parts: dict[TaskSink, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text` through."""
        written = self._stream.write(text)
        sink = current_sink()
        if isinstance(sink, TaskSink):
            *lines, rest = (self._parts.pop(sink, "") + text).split("\n")
            if rest:
                self._parts[sink] = rest
            self._keep(sink, lines)
        return written

    def writelines(self, lines: Any) -> None:
        """Write each of `lines` through."""
        for line in lines:
            self.write(line)

    def finish_lines(self) -> None:
        """Keep what the current sink still waits for the end of."""
        sink = current_sink()
        if isinstance(sink, TaskSink) and sink in self._parts:
            self._keep(sink, [self._parts.pop(sink)])

    def _keep(self, sink: TaskSink, lines: list[str]) -> None:
        now = self._now()
        for line in lines:
            sink.keep(format_line(self._level, self._name, line, now))


@contextmanager
def heard(now: Callable[[], float]) -> Generator[Callable[[], None]]:
    """Hear what tasks log and print inside. Call what this gives when a task is over. `now` in Unix seconds."""
    root = logging.getLogger()
    level, handler = root.level, TaskHandler(now)
    streams = sys.stdout, sys.stderr
    tees = TeeStream(streams[0], "stdout", "INFO", now), TeeStream(streams[1], "stderr", "ERROR", now)
    root.addHandler(handler)
    if level > _LEVEL or level == logging.NOTSET:
        root.setLevel(_LEVEL)
    sys.stdout, sys.stderr = cast("TextIO", tees[0]), cast("TextIO", tees[1])

    def finish_lines() -> None:
        for tee in tees:
            tee.finish_lines()

    try:
        yield finish_lines
    finally:
        for name, tee, stream in zip(("stdout", "stderr"), tees, streams, strict=True):
            if getattr(sys, name) is tee:
                setattr(sys, name, stream)
        root.setLevel(level)
        root.removeHandler(handler)
