"""Settings as DAG files read them: ``conf.getboolean("operators", "default_deferrable", fallback=False)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bide.authoring.settings import as_flag, find_flag, find_setting
from bide.model.errors import ConfigError

_REQUIRED: Final = object()


class Configuration:
    """Reads settings by section and key.

    A setting comes from the surrounding runtime, else from the environment: ``BIDE__SECTION__KEY``, then
    ``AIRFLOW__SECTION__KEY``. Where it is nowhere, `fallback` is returned; without one it is a
    :class:`~bide.model.errors.ConfigError`, and so is a value of the wrong kind.
    """

    def get(self, section: str, key: str, fallback: Any = _REQUIRED) -> Any:
        """The setting's text."""
        return self._read(section, key, str, "text", fallback)

    def getboolean(self, section: str, key: str, fallback: Any = _REQUIRED) -> Any:
        """The setting as True or False."""
        return self._read(section, key, as_flag, "true or false", fallback)

    def getint(self, section: str, key: str, fallback: Any = _REQUIRED) -> Any:
        """The setting as an integer."""
        return self._read(section, key, int, "an integer", fallback)

    def getfloat(self, section: str, key: str, fallback: Any = _REQUIRED) -> Any:
        """The setting as a number."""
        return self._read(section, key, float, "a number", fallback)

    def has_option(self, section: str, option: str) -> bool:
        """Whether the setting is there."""
        return find_setting(section, option) is not None

    def _read(self, section: str, key: str, convert: Callable[[str], Any], kind: str, fallback: Any) -> Any:
        text = find_setting(section, key)
        if text is None:
            if fallback is _REQUIRED:
                raise ConfigError(f"[{section}] {key} is not set; set it, or give a fallback")
            return fallback
        try:
            return convert(text)
        except ValueError:
            raise ConfigError(f"[{section}] {key} must be {kind}, not {text!r}") from None


conf: Final = Configuration()


def default_deferrable() -> bool:
    """What operators take for `deferrable` where it is not given: ``[operators] default_deferrable``."""
    return find_flag("operators", "default_deferrable", False)
