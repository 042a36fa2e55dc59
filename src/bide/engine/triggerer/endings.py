"""Stores what triggers end with."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Final

from bide.control.accept_event import WaitEnding
from bide.engine import faults
from bide.engine.triggerer.contract import TriggerControl
from bide.engine.triggerer.persistence import persistently

_log = logging.getLogger(__name__)

#: Endings in one transaction; those of others should not wait long behind it.
_BATCH: Final = 200


class EndingWriter:
    """Writes endings in the order they come; those that come during one write go together into the next."""

    def __init__(
        self, control: TriggerControl, stored: Callable[[Sequence[WaitEnding], Collection[str]], None]
    ) -> None:
        """`stored` is called with what a transaction has dealt with, and the waits of which that was accepted."""
        self._control = control
        self._stored = stored
        self._queue: list[WaitEnding] = []
        self._some = asyncio.Event()
        self._writing = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def pending(self) -> int:
        """Endings that are not stored yet."""
        return len(self._queue) + self._writing

    def add(self, ending: WaitEnding) -> None:
        """Store `ending` as soon as can be."""
        self._queue.append(ending)
        self._some.set()
        self._idle.clear()

    async def flush(self) -> None:
        """Wait until everything is stored that was added."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._some.wait()
            batch, self._queue = self._queue[:_BATCH], self._queue[_BATCH:]
            self._writing = len(batch)
            async with faults.around("event"):
                accepted = await self._write(batch)
            self._writing = 0
            self._stored(batch, accepted)
            if not self._queue:
                self._some.clear()
                self._idle.set()

    async def _write(self, batch: Sequence[WaitEnding]) -> set[str]:
        """Store all of `batch`; if they can't be stored together, each alone, so that a bad one fails alone."""
        try:
            accepted = await persistently(lambda: self._control.accept_many(batch), "store the events of triggers")
        except Exception:
            if len(batch) > 1:
                _log.exception("%d events of triggers can't be stored together; storing each by itself", len(batch))
                return set[str]().union(*[await self._write([ending]) for ending in batch])
            return await self._write_failure(batch[0])
        for ending in batch:
            if ending.wait_id not in accepted:
                _log.info("wait %s had ended or moved on before its trigger did", ending.wait_id)
        return accepted

    async def _write_failure(self, ending: WaitEnding) -> set[str]:
        """The ending that is being handled as an exception fails its task instead."""
        _log.exception("the event of wait %s can't be stored; failing its task", ending.wait_id)
        reason = f"the trigger's event can't be stored: {sys.exc_info()[1]}"
        failure = WaitEnding(ending.wait_id, ending.token, None, reason, is_logged=False)
        try:
            failed = await persistently(lambda: self._control.accept_many([failure]), "fail a wait")
            # A watcher does not go on: it is stopped, and runs again later.
            return set() if ending.on else failed
        except Exception:
            _log.exception("wait %s can't even be failed; it is left to the next engine", ending.wait_id)
            return set()
