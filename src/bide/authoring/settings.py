"""Settings that DAG files and operators see."""

from __future__ import annotations

import os
from typing import Final

from bide.authoring.runtime import NoRuntime, current_runtime
from bide.model.errors import ConfigError


def find_setting(section: str, key: str) -> str | None:
    """The text of a setting: of the surrounding runtime, else ``BIDE__SECTION__KEY``, ``AIRFLOW__SECTION__KEY``."""
    try:
        found = current_runtime().setting(section.lower(), key.lower())
    except NoRuntime:
        found = None
    if found is not None:
        return found
    name = f"{section}__{key}".upper()
    return os.environ.get(f"BIDE__{name}", os.environ.get(f"AIRFLOW__{name}"))


_TRUE: Final = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "off", "0"})


def as_flag(text: str) -> bool:
    """True or False from one of their words; ValueError for any other."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(text)


def find_flag(section: str, key: str, default: bool) -> bool:
    """A setting that is true or false. Raises :class:`~bide.model.errors.ConfigError` naming one that is not."""
    text = find_setting(section, key)
    if text is None:
        return default
    try:
        return as_flag(text)
    except ValueError:
        raise ConfigError(f"[{section}] {key} must be true or false, not {text!r}") from None


def find_number(section: str, key: str, default: int) -> int:
    """A setting that is a whole number. Raises :class:`~bide.model.errors.ConfigError` naming one that is not."""
    text = find_setting(section, key)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"[{section}] {key} must be an integer, not {text!r}") from None


def find_seconds(section: str, key: str, default: float) -> float:
    """A setting that is a span. Raises :class:`~bide.model.errors.ConfigError` naming one that is not."""
    text = find_setting(section, key)
    if text is None:
        return default
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"[{section}] {key} must be a number of seconds, not {text!r}") from None
