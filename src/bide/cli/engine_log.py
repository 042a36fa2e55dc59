"""Where an engine of this process writes its own log; the logs of tasks are files of their own."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Final, TextIO, cast

import structlog

from bide.cli.output import say
from bide.config.project import make_home
from bide.config.resolved import Config

#: Loggers that tell what the greeting tells, or every request.
_CHATTY: Final = ("uvicorn", "httpx", "httpcore", "watchfiles")


def log_to_file(config: Config) -> None:
    """Write to ``engine.log`` in the state folder, for commands whose terminal shows something else."""
    make_home(config.home)
    path = config.home / "engine.log"
    _configure(config, path.open("a", encoding="utf-8", buffering=1))


def log_to_stderr(config: Config) -> None:
    """Write to stderr."""
    _configure(config, sys.stderr)


class _Stream(logging.StreamHandler[TextIO]):
    """Says once that its file can't be written, as where the disk is full; the engine goes on all the same.

    Errors are then said on the terminal, each kind once.
    """

    _has_failed = False

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._said: set[str] = set()

    def handleError(self, record: logging.LogRecord) -> None:
        """Called while what went wrong is being handled."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._has_failed:
            self._has_failed = True
            with suppress(OSError):
                say(f"bide: the engine's log {self.stream.name} can't be written: {error.strerror}")
        if isinstance(error, OSError) and record.levelno >= logging.ERROR:
            self._say_once(record)

    def _say_once(self, record: logging.LogRecord) -> None:
        told: object = record.msg
        kind = str(cast("dict[str, object]", told).get("event") if isinstance(told, dict) else told)
        if kind not in self._said:
            self._said.add(kind)
            with suppress(OSError):
                say(self.format(record))


def _configure(config: Config, stream: TextIO) -> None:
    level = logging.getLevelNamesMapping()[config.settings.logging.level]
    handler = _Stream(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(colors=stream.isatty()),
            ],
            foreign_pre_chain=_CHAIN,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_CHAIN, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


_CHAIN: Final[list[structlog.typing.Processor]] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]
