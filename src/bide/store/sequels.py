"""What follows from a transaction and is done within it.

Whoever would be woken by a topic, only to begin the next transaction, can have its work done at the end of the one
that rings: the task that a finished one lets go on is started by the commit that ends the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol

from bide.store.bell import Topic
from bide.store.transaction import Tx, Written


class Sequel(Protocol):
    """Work for the end of every transaction of this process that rings `topic`.

    A sequel that can't be done never harms its transaction: that is stored without it, and `topic` rings.
    """

    topic: ClassVar[Topic]

    def write(self, tx: Tx) -> Any | None:
        """Do what can be done, on a writer's thread; None if that is nothing.

        If nobody need be woken for `topic` any more, :meth:`Tx.hush` it. What this raises undoes what it wrote.
        """
        ...

    def stored(self, result: Any) -> None:
        """What :meth:`write` answered is durable; called on the event loop, before the bell rings."""
        ...

    def undone(self, result: Any) -> None:
        """What :meth:`write` answered is not stored after all; called on a writer's thread."""
        ...


class _Written(NamedTuple):
    """What a sequel answered, and where it wants to hear that it is stored."""

    sequel: Sequel
    loop: asyncio.AbstractEventLoop
    result: Any

    def tell_stored(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self.sequel.stored, self.result)
        except RuntimeError:
            return  # the loop is closed; what was stored is found by whoever comes next

    def tell_undone(self) -> None:
        self.sequel.undone(self.result)


class Sequels:
    """The sequels of one store."""

    def __init__(self) -> None:
        self._all: tuple[tuple[Sequel, asyncio.AbstractEventLoop], ...] = ()

    def add(self, sequel: Sequel) -> Callable[[], None]:
        """From now on `sequel` is done, for the running event loop; returns the way to stop that."""
        entry = (sequel, asyncio.get_running_loop())
        self._all = (*self._all, entry)

        def leave() -> None:
            self._all = tuple(one for one in self._all if one is not entry)

        return leave

    def wanted(self, tx: Tx) -> bool:
        """Whether there are any for what rings in `tx`."""
        return any(sequel.topic in tx.topics for sequel, _ in self._all)

    def write(self, tx: Tx) -> list[Written]:
        """Do all that are wanted; if one raises, none is done."""
        written: list[Written] = []
        try:
            for sequel, loop in self._all:
                if sequel.topic in tx.topics:
                    result = sequel.write(tx)
                    if result is not None:
                        written.append(_Written(sequel, loop, result))
        except BaseException:
            for one in written:
                one.tell_undone()
            raise
        return written
