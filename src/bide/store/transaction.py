"""What a transaction is to those who write one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from bide.store.bell import Topic

T = TypeVar("T")
Item = TypeVar("Item")


@dataclass(slots=True)
class Tx:
    """A running transaction."""

    conn: sa.Connection
    #: The store's clock, read once per transaction.
    now: datetime
    topics: set[Topic] = field(default_factory=set[Topic])
    #: Whether other transactions write at the same time, so that what is decided upon has to be locked first.
    shared: bool = False

    def ring(self, *topics: Topic) -> None:
        """Ring these topics once the transaction is durable."""
        self.topics.update(topics)

    def hush(self, topic: Topic) -> None:
        """What was rung so far about `topic` is dealt with in this transaction."""
        self.topics.discard(topic)


#: Work may be run again when the database asks for it, always in a fresh transaction: it changes nothing but that.
Work = Callable[[Tx], T]
#: Does the same for many items; the answer has one result, or the exception to raise, for each.
WorkOnMany = Callable[[Tx, Sequence[Item]], Sequence[T | Exception]]


class Written(Protocol):
    """What a sequel wrote in a transaction (:mod:`bide.store.sequels`)."""

    def tell_stored(self) -> None:
        """It is durable."""
        ...

    def tell_undone(self) -> None:
        """It is not stored after all."""
        ...


@dataclass(slots=True)
class Job:
    """A transaction that was asked for, and what became of it."""

    work: Work[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None
    topics: frozenset[Topic] = frozenset()
    #: What sequels have written with it.
    sequels: Sequence[Written] = ()
    #: Monotonic seconds.
    asked_at: float = field(default_factory=time.monotonic)

    def fail(self, error: BaseException) -> None:
        """Nothing of it is stored."""
        self.error, self.topics = error, frozenset()
        self.undo()

    def undo(self) -> None:
        """What sequels have written with it is not stored."""
        undone, self.sequels = self.sequels, ()
        for one in undone:
            one.tell_undone()
