"""What a task runner is told to run."""

from __future__ import annotations

import msgspec

from bide.model.journal import JournalEntry
from bide.wire.message import Message


class InstanceKey(msgspec.Struct, frozen=True, array_like=True):
    """Which task instance: the row's `id` and the four names that people use."""

    id: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1


class RunInfo(msgspec.Struct, frozen=True):
    """The DAG run, as far as a task's context needs it. Moments are ISO 8601 in UTC."""

    dag_id: str
    run_id: str
    run_type: str
    logical_date: str | None
    data_interval_start: str | None
    data_interval_end: str | None
    run_after: str
    start_date: str | None
    #: JSON object.
    conf: bytes = b"{}"


class Resume(msgspec.Struct, frozen=True):
    """Where a deferred task goes on."""

    method: str
    #: Encoded dict: the ``kwargs`` of ``defer()``.
    kwargs: bytes
    #: Encoded payload of the event.
    event: bytes


class XComValue(msgspec.Struct, frozen=True):
    """One stored XCom."""

    task_id: str
    map_index: int
    key: str
    value: bytes


class MappedOver(msgspec.Struct, frozen=True):
    """What an instance of a mapped task was expanded over; all of the leaves of that, in their order."""

    #: How long each is.
    lengths: tuple[int, ...]
    #: How many instances the task has whose results these are; None if it is not mapped.
    instances: tuple[int | None, ...]
    #: Tells a result apart from one that was there before; empty for lists of the DAG file.
    stamps: tuple[str, ...]


class RunTask(Message, frozen=True):
    """Engine → task runner: run this instance. It is already ``running`` in the store, under `epoch`."""

    instance: InstanceKey
    epoch: int
    try_number: int
    max_tries: int
    dag_file: str
    #: On ``sys.path`` while the file is imported.
    dag_folder: str
    #: The serialised DAG that the run pins.
    dag_hash: str
    run: RunInfo
    #: Absolute path; lines are appended.
    log_path: str
    #: First start of this try, over all its segments.
    started_at: float
    #: Forced end of this try, or None.
    deadline: float | None = None
    #: The limit that this deadline comes from, in seconds.
    execution_timeout: float | None = None
    resume: Resume | None = None
    #: XComs that the task's arguments name (:attr:`TaskSpec.reads`).
    xcoms: tuple[XComValue, ...] = ()
    #: Steps and waits of earlier segments and tries, for functions that wait.
    journal: tuple[JournalEntry, ...] = ()
    #: For instances with a map index.
    mapped_over: MappedOver | None = None
    #: Fork a fresh process for this task.
    isolated: bool = False
    #: One of many in its process: what it awaits, it awaits in a loop that it shares with others.
    shared: bool = False
