"""Files of variables and connections: JSON, YAML, and lines ``KEY=VALUE``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from bide.authoring.lookups import connection_from
from bide.model.connection_fields import ConnectionFields, from_mapping
from bide.model.errors import ConfigError, InvalidArgument

_LINE: Final = re.compile(r"\s*(?:export\s+)?([^=\s]+)\s*=(.*)")
#: What may follow the last point of a file's name.
SUFFIXES: Final = (".json", ".yaml", ".yml", ".env")


def read_entries(path: Path) -> dict[str, Any]:
    """What the file says, by key. Raises :class:`ConfigError` naming the place that can't be read, and no value."""
    if path.suffix not in SUFFIXES:
        raise ConfigError(f"{path}: the name of such a file ends in one of {', '.join(SUFFIXES)}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read: {error}") from None
    return parse_entries(text, path.suffix, name=str(path))


def parse_entries(text: str, suffix: str, *, name: str) -> dict[str, Any]:
    """As :func:`read_entries`, of the text of a file called `name`."""
    if suffix == ".env":
        return _from_lines(text, name)
    found = _from_yaml(text, name) if suffix in (".yaml", ".yml") else _from_json(text, name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"{name} must be an object of keys and values, not {type(found).__name__}")
    return {str(key): value for key, value in cast("dict[Any, Any]", found).items()}


def read_connections(path: Path) -> dict[str, ConnectionFields]:
    """The connections of a file, by id; each is a URI, a text with a JSON object, or an object of fields.

    Raises :class:`ConfigError` or :class:`~bide.model.errors.InvalidArgument`.
    """
    return {
        key: as_connection(value, what=f"{path}: connection {key!r}") for key, value in read_entries(path).items()
    }


def as_connection(value: Any, *, what: str) -> ConnectionFields:
    """A connection from an entry of a file. Of a list, which Airflow's files may have, the one that is in it."""
    if isinstance(value, list):
        items = cast("list[Any]", value)
        if len(items) != 1:
            raise InvalidArgument(f"{what} is given {len(items)} times; an id names one connection")
        return as_connection(items[0], what=what)
    if isinstance(value, Mapping):
        return from_mapping(cast("Mapping[str, Any]", value), what=what)
    if isinstance(value, str):
        return connection_from(value, what=what)
    raise InvalidArgument(f"{what} must be a URI or an object of fields, not {type(value).__name__}")


def as_variable(value: Any) -> str:
    """A variable's text from an entry of a file: what is no text is its JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _from_lines(text: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ConfigError(f"{name}:{number}: a line is KEY=VALUE, empty, or a comment behind #")
        found[match[1]] = _unquoted(match[2].strip())
    return found


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def _from_json(text: str, name: str) -> Any:
    try:
        return json.loads(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise ConfigError(f"{name}:{error.lineno}:{error.colno}: this is no JSON: {error.msg}") from None


def _from_yaml(text: str, name: str) -> Any:
    try:
        import yaml  # pyright: ignore[reportMissingModuleSource]  # only who has such files needs it
    except ImportError:
        raise ConfigError(f"{name}: to read YAML, install the package PyYAML (pip install pyyaml)") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f":{mark.line + 1}:{mark.column + 1}"
        raise ConfigError(f"{name}{place}: this is no YAML: {getattr(error, 'problem', '')}") from None
