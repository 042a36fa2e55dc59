"""Settings as DAG files read them: ``conf.getboolean("operators", "default_deferrable", fallback=False)``."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any, Final

from bide.authoring.dotted_names import import_string
from bide.authoring.providers import default_setting
from bide.authoring.settings import as_flag, find_flag, find_setting
from bide.model.errors import ConfigError
from bide.standard.default_settings import airflow_default, newer_name, why_kept

_REQUIRED: Final = object()


class Configuration:
    """Reads settings by section and key.

    A setting comes from the surrounding runtime, else from the environment: ``BIDE__SECTION__KEY``, then
    ``AIRFLOW__SECTION__KEY``, else from what the provider package declares whose setting it is. Where it is
    nowhere, `fallback` is returned; without one it is what Airflow has where nobody has set it. If that is nothing
    either, it is a :class:`~bide.model.errors.ConfigError`, and so is a value of the wrong kind.
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

    def get_mandatory_value(self, section: str, key: str, fallback: Any = _REQUIRED) -> str:
        """The setting's text, which must not be empty."""
        text = self.get(section, key, fallback)
        if not text:
            raise ConfigError(f"[{section}] {key} must have a value; it is {text!r}")
        return text

    def getlist(self, section: str, key: str, fallback: Any = _REQUIRED, delimiter: str = ",") -> Any:
        """The setting as a list of texts, between which it has commas."""

        def parted(text: str) -> list[str]:
            return [one.strip() for one in text.split(delimiter) if one.strip()]

        return self._read(section, key, parted, "a list", fallback)

    def getjson(self, section: str, key: str, fallback: Any = None) -> Any:
        """The value whose JSON the setting has; `fallback` where it is not set or empty."""
        if not self.get(section, key, ""):
            return fallback
        return self._read(section, key, json.loads, "JSON", fallback)

    def getimport(self, section: str, key: str, fallback: Any = None) -> Any:
        """What the setting names as ``package.module.Name``; `fallback` where it is not set or empty."""
        path = self.get(section, key, "")
        if not path:
            return fallback
        try:
            return import_string(path)
        except ImportError as error:
            raise ConfigError(f"[{section}] {key}: {path!r} can't be imported: {error}") from error

    def gettimedelta(self, section: str, key: str, fallback: Any = _REQUIRED) -> Any:
        """The setting, a number of seconds, as a timedelta."""
        return self._read(
            section, key, lambda text: dt.timedelta(seconds=float(text)), "a number of seconds", fallback
        )

    def has_option(self, section: str, option: str) -> bool:
        """Whether the setting is there."""
        return _find(section, option) is not None

    def _read(self, section: str, key: str, convert: Callable[[str], Any], kind: str, fallback: Any) -> Any:
        text = _find(section, key)
        if text is None and fallback is _REQUIRED:
            text = airflow_default(*newer_name(section.lower(), key.lower()))
        if text is None:
            if fallback is _REQUIRED:
                kept = why_kept(*newer_name(section.lower(), key.lower()))
                raise ConfigError(f"[{section}] {key} is not set; {kept or 'set it, or give a fallback'}")
            return fallback
        try:
            return convert(text)
        except ValueError:
            raise ConfigError(f"[{section}] {key} must be {kind}, not {text!r}") from None


def _find(section: str, key: str) -> str | None:
    """The text of a setting, or the default of the package whose setting it is."""
    found = find_setting(section, key)
    newer = newer_name(section.lower(), key.lower())
    if found is None and newer != (section.lower(), key.lower()):
        found = find_setting(*newer)
    return default_setting(section.lower(), key.lower()) if found is None else found


conf: Final = Configuration()

# Airflow 1 had functions.
get, getboolean, getint, getfloat = conf.get, conf.getboolean, conf.getint, conf.getfloat
has_option = conf.has_option


def default_deferrable() -> bool:
    """What operators take for `deferrable` where it is not given: ``[operators] default_deferrable``."""
    return find_flag("operators", "default_deferrable", False)
