"""Where the log of one try lies: a pure function of the instance's names."""

from __future__ import annotations

import hashlib
import string
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple
from urllib.parse import quote

from bide.model.errors import ConfigError
from bide.model.ids import NOT_MAPPED

#: Below the folder of logs. ``{execution_date}`` is the logical date, or the run id where there is none.
DEFAULT_LOG_TEMPLATE: Final = "{dag_id}/{task_id}/{execution_date}/{attempt}.log"


class LogLayout(NamedTuple):
    """Where the logs of tasks lie."""

    root: Path
    template: str = DEFAULT_LOG_TEMPLATE


#: Fields that a template may name; ``try_number`` is another word for ``attempt``.
TEMPLATE_FIELDS: Final = frozenset(
    {"dag_id", "task_id", "run_id", "execution_date", "map_index", "attempt", "try_number"}
)

#: Kept as they are besides letters, digits and ``_ . - ~``: what time stamps are written with.
_SAFE: Final = ":+@="
#: Bytes in one name, as most file systems have it.
_LONGEST_COMPONENT: Final = 255
#: Hex digits that tell apart names that had to be shortened.
_DIGEST_DIGITS: Final = 16


def log_path(
    dag_id: str,
    task_id: str,
    *,
    logical_date: datetime | None,
    run_id: str,
    map_index: int = NOT_MAPPED,
    try_number: int,
    template: str = DEFAULT_LOG_TEMPLATE,
) -> PurePosixPath:
    """The log file of one try, relative to the folder of logs.

    `logical_date` is None where the run has none, or shares it with another run: `run_id` takes its place. A
    mapped instance has its `map_index` as one more folder before the file's name, unless the template
    names it. Every component is percent-encoded, none is ``..`` or empty, and the path is never absolute.
    """
    date = run_id if logical_date is None else logical_date.astimezone(UTC).isoformat()
    mapped = map_index != NOT_MAPPED
    values = {
        "dag_id": dag_id,
        "task_id": task_id,
        "run_id": run_id,
        "execution_date": date,
        "map_index": str(map_index) if mapped else "",
        "attempt": str(try_number),
        "try_number": str(try_number),
    }
    encoded = {name: _encode(value) for name, value in values.items()}
    components = [_fill(part, encoded) for part in template.split("/")]
    if mapped and "map_index" not in _fields(template):
        components.insert(len(components) - 1, str(map_index))
    return PurePosixPath(*(part for part in components if part))


def watcher_log_path(asset: str, watcher: str) -> PurePosixPath:
    """The log file of what watches an asset, relative to the folder of logs; no DAG's id begins with an ``@``."""
    return PurePosixPath(
        "@asset_watchers",
        _fill("{name}", {"name": _encode(asset)}),
        _fill("{name}.log", {"name": _encode(watcher)}),
    )


def check_log_template(template: str) -> str:
    """Return `template` if it gives every try a file of its own, else raise :class:`ConfigError`."""
    try:
        fields = _fields(template)
    except ValueError as error:
        raise ConfigError(f"log template {template!r} can't be read: {error}") from None
    unknown = sorted(fields - TEMPLATE_FIELDS)
    if unknown:
        known = ", ".join(sorted(TEMPLATE_FIELDS))
        raise ConfigError(f"log template {template!r} names {unknown[0]!r}; the fields are {known}")
    needed = {
        "dag_id": {"dag_id"},
        "task_id": {"task_id"},
        "execution_date or run_id": {"execution_date", "run_id"},
        "attempt": {"attempt", "try_number"},
    }
    for name, either in needed.items():
        if not fields & either:
            raise ConfigError(f"log template {template!r} must name {name}, else tries would share a file")
    if template.startswith("/") or ".." in template.split("/"):
        raise ConfigError(f"log template {template!r} must stay below the folder of logs")
    if template.endswith("/"):
        raise ConfigError(f"log template {template!r} names a folder; it must end with a file name")
    return template


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@lru_cache(maxsize=1024)
def _encode(value: str) -> str:
    return quote(value, safe=_SAFE)


def _fill(part: str, encoded: dict[str, str]) -> str:
    component = part.format_map(encoded)
    if component and not component.strip("."):
        component = component.replace(".", "%2E")
    if len(component.encode()) <= _LONGEST_COMPONENT:
        return component
    digest = hashlib.sha256(component.encode()).hexdigest()[:_DIGEST_DIGITS]
    suffix = ".log" if component.endswith(".log") else ""
    kept = component.encode()[: _LONGEST_COMPONENT - _DIGEST_DIGITS - 1 - len(suffix)].decode(errors="ignore")
    return f"{kept}-{digest}{suffix}"
