"""YAML, read and written by PyYAML if it is installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from bide.model.errors import ConfigError


def _yaml() -> Any:
    try:
        return import_module("yaml")
    except ModuleNotFoundError:
        raise ConfigError("YAML needs the package PyYAML: pip install PyYAML") from None


def safe_load(stream: Any) -> Any:
    """The value in a text or file; nothing but plain values."""
    yaml = _yaml()
    return yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def dump(data: Any, **kwargs: Any) -> str:
    """The text of a plain value."""
    yaml = _yaml()
    return yaml.dump(data, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), **kwargs)
