"""Trigger classes that block event loops: their triggers get processes, and threads, of their own.

One long block is enough, or a few that together are long. A class is let out when its source file changes, or after
an hour; if it blocks again, it comes back.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from bide.engine.triggerer.suspicion import NO_GROUP

#: Blocks that together may send a class to quarantine, within so many seconds.
_BLOCKS: Final = 3
_WITHIN: Final = 600.0
#: Seconds after which a class gets another chance.
_LASTS: Final = 3600.0
#: Seconds between two looks at a source file.
_LOOK_AGAIN: Final = 5.0
#: Processes for the classes in quarantine; if there are more classes, some share one.
_PROCESSES: Final = 4
#: The first of their groups; the others count down from it.
_FIRST_GROUP: Final = -2

#: Of a source file: mtime in ns, and size.
Stamp = tuple[int, int]


class TriggerClass(NamedTuple):
    """A class, as waits name it; the folder, since two folders may have a class of one name."""

    classpath: str
    dag_folder: str


def stamp_of(path: str) -> Stamp | None:
    """The stamp of a regular file; None if there is none at `path`."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return (found.st_mtime_ns, found.st_size) if stat.S_ISREG(found.st_mode) else None


@dataclass(slots=True)
class _Record:
    """What is known of one class. Moments are monotonic seconds."""

    blocks: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    #: In quarantine: since when, its group, and the source file that it was defined in.
    since: float | None = None
    group: int = NO_GROUP
    source: str = ""
    stamp: Stamp | None = None
    looked_at: float = float("-inf")


class Quarantine:
    """The classes that have blocked loops. Moments are monotonic seconds, given by the caller."""

    def __init__(
        self,
        *,
        at_once: float,
        together: float = 5.0,
        read_stamp: Callable[[str], Stamp | None] = stamp_of,
    ) -> None:
        """A single block of `at_once` seconds is enough, or several of `together` seconds."""
        self._at_once = at_once
        self._together = together
        self._read_stamp = read_stamp
        self._records: dict[TriggerClass, _Record] = {}
        self._groups = 0

    def note_block(
        self, cls: TriggerClass, seconds: float, now: float, *, source: str = "", stamp: Stamp | None = None
    ) -> bool:
        """`cls` has blocked a loop for so long, with its code as `stamp` says: whether that sends it here."""
        record = self._records.setdefault(cls, _Record())
        if record.since is not None:
            return False
        record.blocks = [(at, length) for at, length in record.blocks if now - at < _WITHIN]
        record.blocks.append((now, seconds))
        total = sum(length for _, length in record.blocks)
        if seconds < self._at_once and (len(record.blocks) < _BLOCKS or total < self._together):
            return False
        record.since = record.looked_at = now
        record.source, record.stamp = source, stamp
        record.group = _FIRST_GROUP - self._groups % _PROCESSES
        self._groups += 1
        return True

    def group_of(self, cls: TriggerClass, now: float) -> int:
        """The group whose process is for triggers of `cls`; :data:`NO_GROUP` if it is not in quarantine."""
        record = self._records.get(cls)
        if record is None or record.since is None:
            return NO_GROUP
        if now - record.since >= _LASTS or self._has_changed(record, now):
            del self._records[cls]
            return NO_GROUP
        return record.group

    def classes(self) -> list[TriggerClass]:
        """Those in quarantine."""
        return [cls for cls, record in self._records.items() if record.since is not None]

    def _has_changed(self, record: _Record, now: float) -> bool:
        if not record.source or now - record.looked_at < _LOOK_AGAIN:
            return False
        record.looked_at = now
        return self._read_stamp(record.source) != record.stamp


def is_quarantine(group: int) -> bool:
    """Whether triggers of this group are here because of their class."""
    return group <= _FIRST_GROUP
