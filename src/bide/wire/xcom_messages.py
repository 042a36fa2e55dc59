"""The messages about XComs, between task runners (and what asks on behalf of tasks) and the engine."""

from __future__ import annotations

from bide.wire.message import Message
from bide.wire.orders import XComValue


class PushXCom(Message, frozen=True):
    """Task runner → engine (reply: Ok)."""

    key: str
    value: bytes
    #: How many elements the value has; None if it is nothing that a task can be expanded over.
    length: int | None = None


class PullXCom(Message, frozen=True):
    """Task runner → engine (reply: XComs). None for `run_id`: the own run; for `map_indexes`: all."""

    task_ids: tuple[str, ...]
    #: None: the newest value of each instance, under whatever key.
    key: str | None
    dag_id: str | None = None
    run_id: str | None = None
    map_indexes: tuple[int, ...] | None = None
    #: Also the newest of earlier runs.
    include_prior_dates: bool = False


class PullMapped(Message, frozen=True):
    """Task runner → engine (reply: XComs): values that the instances of a mapped task of the own run have left.

    Those that left none don't count: of the others, by map index, `number` from the `first` on.
    """

    task_id: str
    key: str
    first: int = 0
    number: int = 0
    #: Also how many there are in all.
    counted: bool = False


class XComs(Message, frozen=True):
    """Engine → task runner: what was found, by task id as asked, then map index."""

    values: tuple[XComValue, ...]
    #: For :class:`PullMapped`: how many there are in all, if that was asked.
    total: int | None = None
