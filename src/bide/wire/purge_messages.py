"""The messages between the engine and the extension runner about values that lie outside of the store."""

from __future__ import annotations

import msgspec

from bide.wire.message import Message


class StoredAway(msgspec.Struct, frozen=True, array_like=True):
    """What belonged to a run that is gone: one value of a backend, or without a task all objects of the run."""

    id: int
    dag_id: str
    run_id: str
    task_id: str | None = None
    map_index: int = -1
    key: str = ""
    #: What the backend had stored in place of the value.
    value: bytes = b""


class PurgeXComs(Message, frozen=True):
    """Engine → extension runner: remove these."""

    items: tuple[StoredAway, ...]


class XComsPurged(Message, frozen=True):
    """Extension runner → engine: why some could not be removed, one line each, by id."""

    errors: dict[int, str]
