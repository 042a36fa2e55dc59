"""Waits that have lost their process, until others may lease them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from bide.engine.triggerer.contract import TriggerControl
from bide.engine.triggerer.persistence import persistently


class Releases:
    """Gives leases back, at once or after a pause; what comes during one write goes together into the next."""

    def __init__(
        self,
        control: TriggerControl,
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        released: Callable[[], None],
    ) -> None:
        """`released` is called when waits can be leased again."""
        self._control = control
        self._spawn = spawn
        self._released = released
        #: How many are not released yet.
        self.pending = 0
        self._pausing: set[asyncio.Task[None]] = set()
        self._due: list[str] = []
        self._is_writing = False

    def add(self, pause: float, wait_ids: Sequence[str]) -> None:
        """Release these in `pause` seconds."""
        self.pending += len(wait_ids)
        if pause <= 0:
            self._release(wait_ids)
            return
        task = self._spawn(self._release_later(pause, wait_ids), "triggerer-release")
        self._pausing.add(task)
        task.add_done_callback(self._pausing.discard)

    def stop(self) -> None:
        """No more pauses: all leases are about to be given back."""
        for task in [*self._pausing]:
            task.cancel()

    async def _release_later(self, pause: float, wait_ids: Sequence[str]) -> None:
        await asyncio.sleep(pause)
        self._release(wait_ids)

    def _release(self, wait_ids: Sequence[str]) -> None:
        self._due.extend(wait_ids)
        if self._due and not self._is_writing:
            self._is_writing = True
            self._spawn(self._write(), "triggerer-releases")

    async def _write(self) -> None:
        try:
            while self._due:
                batch, self._due = self._due, []
                await persistently(partial(self._control.release_waits, batch), "release waits")
                self.pending -= len(batch)
                self._released()
        finally:
            self._is_writing = False
