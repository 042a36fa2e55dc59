"""A logger for classes that are no operators, hooks or triggers."""

from __future__ import annotations

import logging
import re
from typing import Any, Final

#: Escape sequences of terminals: colours, movements of the cursor.
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])")


class LoggingMixin:
    """Gives a class ``self.log``: a logger named after it, whose lines go to the log of the task that uses it.

    A class may name it itself in ``_log_config_logger_name`` (what comes before) and ``_logger_name`` (instead of
    the class's own name).
    """

    _log_config_logger_name: str | None = None
    _logger_name: str | None = None

    def __init__(self, context: Any = None) -> None:
        super().__init__()

    @classmethod
    def _get_logger_name(cls) -> str:
        """The whole name of the logger."""
        own = f"{cls.__module__}.{cls.__qualname__}" if cls._logger_name is None else cls._logger_name
        return ".".join(part for part in (cls._log_config_logger_name, own) if part)

    @classmethod
    def logger(cls) -> logging.Logger:
        """The logger, for class methods."""
        return logging.getLogger(cls._get_logger_name())

    @property
    def log(self) -> logging.Logger:
        """The logger; an instance's own ``_logger_name`` counts, too."""
        own = self.__dict__.get("_logger_name")
        if own is None:
            return self.logger()
        return logging.getLogger(".".join(part for part in (self._log_config_logger_name, own) if part))


def remove_escape_codes(text: str) -> str:
    """`text` without the escape sequences of terminals."""
    return _ESCAPES.sub("", text)
