"""Logs of tasks and triggers, written in the process that runs them.

One line a record, ``2026-11-21T03:31:12.123456+00:00 INFO  logger - text``, with tracebacks on the lines after it.
Everything that user code says takes this way: :mod:`logging`, warnings, structlog, and what it prints. Where to is
the *sink*: one for the whole process while it runs a task; one per trigger, in a context variable, where many
share a process. Secrets are masked before a line is written.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from bide.model.errors import TaskTimeout
from bide.observe.masking import mask

#: Loggers whose every request would be a line.
_CHATTY: Final = ("httpx", "httpcore")


class Sink(Protocol):
    """Where lines go."""

    def write(self, text: str) -> None:
        """Write `text`, whole lines with their ends, in one piece. Must not raise for want of space."""
        ...


class DescriptorSink:
    """Writes to an open file descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._failed = False

    def write(self, text: str) -> None:
        """Write all of `text`; what a full disk does not take is lost, and told once on standard error."""
        data = memoryview(mask(text).encode("utf-8", "backslashreplace"))
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            self._report(error)

    def _report(self, error: OSError) -> None:
        if not self._failed and sys.__stderr__ is not None:
            self._failed = True
            print(f"log lines are lost: {error}", file=sys.__stderr__, flush=True)


class PathSink:
    """Appends to a file that is opened anew for each write: thousands of these hold no descriptor."""

    __slots__ = ("__weakref__", "_path")

    def __init__(self, path: str | Path) -> None:
        self._path = path

    def write(self, text: str) -> None:
        """Append `text`; if the file can't be written, the lines go to standard error instead."""
        try:
            fd = open_log(self._path)
        except OSError as error:
            if sys.__stderr__ is not None:
                print(f"can't write {self._path}: {error}\n{mask(text)}", file=sys.__stderr__, flush=True)
            return
        try:
            DescriptorSink(fd).write(text)
        finally:
            os.close(fd)


def open_log(path: str | Path) -> int:
    """Open a log file for appending, with the folders above it; returns the descriptor."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o644)


#: Of the whole process: standard error until a task begins.
_process_sink: Sink = DescriptorSink(2)
_context_sink: ContextVar[Sink | None] = ContextVar("bide_log_sink", default=None)


def current_sink() -> Sink:
    """Where a line that is written now goes."""
    return _context_sink.get() or _process_sink


@contextmanager
def process_sink(sink: Sink) -> Generator[None]:
    """Send the lines of all threads to `sink`, but those that :func:`context_sink` sends elsewhere."""
    global _process_sink  # noqa: PLW0603  # one per process by nature
    before = _process_sink
    _process_sink = sink
    try:
        yield
    finally:
        _process_sink = before


@contextmanager
def context_sink(sink: Sink) -> Generator[None]:
    """Send the lines of this context (a coroutine and what it awaits, ``asyncio.to_thread``) to `sink`."""
    token = _context_sink.set(sink)
    try:
        yield
    finally:
        _context_sink.reset(token)


def format_line(level: str, logger: str, text: str, created: float) -> str:
    """One record as it stands in the file; `created` in Unix seconds."""
    moment = datetime.fromtimestamp(created, UTC).isoformat(timespec="microseconds")
    return f"{moment} {level:<5} {logger} - {text}\n"


class SinkHandler(logging.Handler):
    """Hands records of :mod:`logging` to the current sink."""

    _tracebacks = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a record that can't be formatted is reported as logging does it."""
        try:
            text = record.getMessage()
            if record.exc_info and not record.exc_text:
                record.exc_text = self._tracebacks.formatException(record.exc_info)
            if record.exc_text:
                text = f"{text}\n{record.exc_text}"
            if record.stack_info:
                text = f"{text}\n{record.stack_info}"
            current_sink().write(format_line(record.levelname, record.name, text, record.created))
        except TaskTimeout:
            # Raised by a signal handler that happened to run here; it is the task's to end with.
            raise
        except Exception:
            self.handleError(record)


def install(level: str | int = logging.INFO) -> None:
    """Make the current sink the end of :mod:`logging`, warnings and, where it is loaded, structlog.

    Handlers that others have put on the root logger stay, but those that write to standard output or error: their
    lines would come twice.
    """
    root = logging.getLogger()
    ours = next((handler for handler in root.handlers if isinstance(handler, SinkHandler)), None)
    root.handlers = [
        ours or SinkHandler(),
        *(handler for handler in root.handlers if handler is not ours and not _writes_to_terminal(handler)),
    ]
    _set_level(root, level)
    logging.captureWarnings(True)
    for name in _CHATTY:
        _set_level(logging.getLogger(name), logging.WARNING)
    configure_structlog()


def _set_level(logger: logging.Logger, level: str | int) -> None:
    # Each setting throws away what all loggers have cached.
    if logging.getLevelName(logger.level) != level and logger.level != level:
        logger.setLevel(level)


def _writes_to_terminal(handler: logging.Handler) -> bool:
    if isinstance(handler, SinkHandler):
        return True
    return type(handler) is logging.StreamHandler and handler.stream in (  # pyright: ignore[reportUnknownMemberType]
        sys.stdout,
        sys.stderr,
        sys.__stdout__,
        sys.__stderr__,
    )


def configure_structlog() -> None:
    """Have structlog write through :mod:`logging`, if it is loaded and nobody has configured it.

    Importing it costs more than all else that a runner needs for its logs, so that is left to the user code.
    """
    structlog = sys.modules.get("structlog")
    if structlog is None or structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            structlog.processors.UnicodeDecoder(),
            _render_event,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _render_event(logger: object, method: str, event: dict[str, object]) -> str:
    """The last processor of structlog: ``text key=value ...``, tracebacks on the lines after it."""
    blocks = [str(event.pop(key)) for key in ("exception", "stack") if event.get(key)]
    for key in ("exception", "stack"):
        event.pop(key, None)
    text = str(event.pop("event", ""))
    pairs = [f"{key}={value!r}" for key, value in event.items()]
    return "\n".join([" ".join([text, *pairs]), *blocks])


class LoggerState:
    """Levels, handlers and switches of all loggers at one moment, to be put back later."""

    def __init__(self) -> None:
        """Take the state as it is now."""
        self._disabled_below = logging.root.manager.disable
        self._saved = [
            (logger, logger.level, list(logger.handlers), logger.propagate, logger.disabled)
            for logger in [logging.root, *_loggers()]
        ]

    def restore(self) -> None:
        """Put it back; loggers made since are switched on and else left as they are."""
        logging.disable(self._disabled_below)
        for logger in _loggers():
            logger.disabled = False
        for logger, level, handlers, propagate, disabled in self._saved:
            if logger.level != level:
                logger.setLevel(level)
            if logger.handlers != handlers:
                logger.handlers = handlers
            logger.propagate = propagate
            logger.disabled = disabled


def _loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logger for logger in known if isinstance(logger, logging.Logger)]
