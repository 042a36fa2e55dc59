"""Runs the duties: each sleeps until its bell rings or its next moment comes. There is no tick."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from bide.engine.scheduler.duty import Duty, Next
from bide.model.clock import Clock
from bide.model.errors import StoreUnavailable
from bide.store import Bell

log = structlog.get_logger("bide.scheduler")

#: Seconds before a duty that failed is tried again; doubles up to the longest.
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0


@dataclass(slots=True)
class Health:
    """How a duty is doing, for the health page."""

    last_run: datetime | None = None
    last_error: str = ""


class DutyLoop:
    """Starts one task per duty and stops them together.

    After `safety_net` seconds a duty looks at the store by itself, in case a ring was lost; with None it relies on
    the bell.
    """

    def __init__(
        self, duties: Sequence[Duty], bell: Bell, clock: Clock, *, safety_net: float | None = 30.0
    ) -> None:
        self._duties = duties
        self._bell = bell
        self._clock = clock
        self._safety_net = safety_net
        self._tasks: list[asyncio.Task[None]] = []
        self.health: dict[str, Health] = {duty.name: Health() for duty in duties}

    def start(self) -> None:
        """Begin; every duty runs once at once."""
        self._tasks = [
            asyncio.create_task(self._run_forever(duty), name=f"duty {duty.name}") for duty in self._duties
        ]

    async def stop(self) -> None:
        """Stop every duty; transactions under way are finished by the store."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def _run_forever(self, duty: Duty) -> None:
        listener = self._bell.listen(*duty.topics)
        pause = _FIRST_PAUSE
        try:
            while True:
                try:
                    following = await duty.run()
                except Exception as error:
                    self._note_failure(duty, error, pause)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE)
                    continue
                pause = _FIRST_PAUSE
                health = self.health[duty.name]
                health.last_run, health.last_error = self._clock.now(), ""
                if not following.again:
                    await listener.wait(self._seconds_until(following))
        finally:
            self._bell.leave(listener)

    def _note_failure(self, duty: Duty, error: Exception, pause: float) -> None:
        self.health[duty.name].last_error = str(error)
        if isinstance(error, StoreUnavailable):
            log.error("duty_waits_for_store", duty=duty.name, error=str(error), retry_in=pause)
        else:
            log.exception("duty_failed", duty=duty.name, retry_in=pause)

    def _seconds_until(self, following: Next) -> float | None:
        if following.due_at is None:
            return self._safety_net
        seconds = (following.due_at - self._clock.now()).total_seconds()
        return max(seconds, 0.0) if self._safety_net is None else min(max(seconds, 0.0), self._safety_net)
