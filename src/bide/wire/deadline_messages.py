"""What callbacks for missed deadlines are told. Moments are ISO 8601 in UTC."""

from __future__ import annotations

import msgspec

from bide.wire.message import Message


class Missed(msgspec.Struct, frozen=True):
    """A deadline that was missed: the ``sla=`` of a task, or alert `number` of the DAG."""

    id: str
    task_id: str | None
    number: int | None
    name: str
    run_id: str
    logical_date: str | None
    due_at: str
    missed_at: str | None


class Blocking(msgspec.Struct, frozen=True):
    """An instance that has not succeeded, in a run with a missed ``sla=``."""

    task_id: str
    map_index: int
    run_id: str
    logical_date: str | None
    state: str
    try_number: int
    start_date: str | None


class SetDeadline(Message, frozen=True):
    """Task runner → engine (reply: Ok): what the author's code says of alert `number` of the run."""

    number: int
    #: Seconds.
    interval: float
    #: What it is counted from; None: what the engine knows itself.
    base: str | None = None
