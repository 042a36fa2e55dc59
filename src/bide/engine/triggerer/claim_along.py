"""Waits are leased by the commit that makes them, while the triggerer has room."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from typing import ClassVar, Protocol

from bide.control.claim_waits import claim_at_once
from bide.model.log_path import LogLayout
from bide.store import Topic, Tx
from bide.wire.messages import TriggerLoad


class LeasesAlong(Protocol):
    """Leases waits for a triggerer within other transactions. For its event loop."""

    #: Set while there is something to :meth:`take`.
    brought: asyncio.Event

    @property
    def under_way(self) -> int:
        """How many are leased, or about to be, that no runner holds."""
        ...

    def offer(self, free: int, *, at_most: int) -> None:
        """The triggerer has room for `free`, those under way among them, and takes `at_most` more."""
        ...

    def take(self) -> list[TriggerLoad]:
        """What was leased since the last call; it counts as under way until :meth:`armed`."""
        ...

    def armed(self, number: int) -> None:
        """Runners hold so many of those that were taken."""
        ...

    def close(self) -> None:
        """The triggerer takes no more."""
        ...


class NoLeases:
    """There is nobody who does so."""

    under_way = 0

    def __init__(self) -> None:
        self.brought = asyncio.Event()

    def offer(self, free: int, *, at_most: int) -> None:
        """See :class:`LeasesAlong`."""

    def take(self) -> list[TriggerLoad]:
        """See :class:`LeasesAlong`."""
        return []

    def armed(self, number: int) -> None:
        """See :class:`LeasesAlong`."""

    def close(self) -> None:
        """See :class:`LeasesAlong`."""


class ClaimAlong:
    """:class:`LeasesAlong` as a sequel (:mod:`bide.store.sequels`) to whatever makes polls and streams."""

    topic: ClassVar[Topic] = "waits"

    def __init__(
        self,
        session: str,
        *,
        logs: LogLayout,
        only: str | None = None,
        queues: Collection[str] | None = None,
    ) -> None:
        self._session = session
        self._logs = logs
        self._only = only
        self._queues = queues
        self._lock = threading.Lock()
        self._room = 0
        #: Leased or about to be, and not held by a runner.
        self._under_way = 0
        self._is_closed = False
        self._loads: list[TriggerLoad] = []
        self.brought = asyncio.Event()

    @property
    def under_way(self) -> int:
        """See :class:`LeasesAlong`."""
        return self._under_way

    def offer(self, free: int, *, at_most: int) -> None:
        """See :class:`LeasesAlong`."""
        with self._lock:
            self._room = 0 if self._is_closed else max(0, min(free - self._under_way, at_most))

    def close(self) -> None:
        """See :class:`LeasesAlong`."""
        with self._lock:
            self._is_closed, self._room = True, 0

    def write(self, tx: Tx) -> list[TriggerLoad] | None:
        """See :class:`~bide.store.sequels.Sequel`."""
        with self._lock:
            limit, self._room = self._room, 0
            self._under_way += limit
        if not limit:
            return None
        loads: list[TriggerLoad] = []
        try:
            loads = claim_at_once(tx, self._session, limit, logs=self._logs, only=self._only, queues=self._queues)
        finally:
            with self._lock:
                self._under_way -= limit - len(loads)
                if not self._is_closed:
                    self._room += limit - len(loads)
        return loads or None

    def stored(self, result: list[TriggerLoad]) -> None:
        """See :class:`~bide.store.sequels.Sequel`."""
        self._loads += result
        self.brought.set()

    def take(self) -> list[TriggerLoad]:
        """See :class:`LeasesAlong`."""
        self.brought.clear()
        loads, self._loads = self._loads, []
        return loads

    def armed(self, number: int) -> None:
        """See :class:`LeasesAlong`."""
        with self._lock:
            self._under_way -= number

    def undone(self, result: list[TriggerLoad]) -> None:
        """See :class:`~bide.store.sequels.Sequel`."""
        self.armed(len(result))
