"""Tells the store of instances that did not end by themselves; again and again while it can't take it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, Final

import structlog

from bide.control.claims import Claim
from bide.engine.executors.contract import TaskControl
from bide.model.errors import StoreUnavailable
from bide.wire.messages import RunTask

log = structlog.get_logger("bide.executor")

#: Seconds between tries of a command that the store could not take: the first pause, doubled up to the last.
_FIRST_PAUSE: Final = 0.1
_LAST_PAUSE: Final = 5.0
#: Tries of a command while the engine stops; what fails then is left to the next engine's rescue.
_TRIES_AT_STOP: Final = 5
#: Seconds in which the store may still take what workers had sent before the engine stopped.
LAST_ANSWERS: Final = 3.0


async def finish_within(tasks: Collection[asyncio.Task[None]], seconds: float) -> None:
    """Wait until `tasks`, a set that empties itself, are done; those that are left after `seconds` are cancelled.

    What they had to tell a store that can't take anything is left to the next engine's rescue.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while tasks:
                await asyncio.wait(tasks)
    if tasks:
        log.error("left_to_rescue", command="answer", workers=len(tasks))
    for one in list(tasks):
        one.cancel()
    while tasks:
        await asyncio.wait(tasks)


class Settler:
    """Loses tasks and gives claims back, durably."""

    def __init__(self, control: TaskControl) -> None:
        self._control = control
        self._hurried = False

    def hurry(self) -> None:
        """The engine stops: don't wait for long for a store that can't take anything."""
        self._hurried = True

    async def lose(self, task: RunTask, error: str) -> None:
        """The worker of `task` died alone: costs a try. The control adds the error to the task's log."""
        await self._insist("lose", lambda: self._control.lose_task(task.instance.id, task.epoch, error=error))

    async def give_up(self, task: RunTask, *, counted: bool) -> None:
        """The engine stops, or (`counted`) its side failed while `task` ran: no try is lost."""
        held = [(task.instance.id, task.epoch)]
        await self._insist("give_up", lambda: self._control.give_up_running(held, counted=counted))

    async def give_back_callbacks(self, task: RunTask) -> None:
        """The worker died after the end of `task`, before it had called what that asks for."""
        await self._insist(
            "give_back_callbacks", lambda: self._control.give_back_callbacks(task.instance.id, task.epoch)
        )

    async def give_back(self, claims: Sequence[Claim]) -> None:
        """`claims` were not begun."""
        if claims:
            await self._insist("give_back", lambda: self._control.give_back(claims))

    async def _insist(self, what: str, command: Callable[[], Awaitable[Any]]) -> None:
        pause = _FIRST_PAUSE
        tries_at_stop = 0
        while tries_at_stop < _TRIES_AT_STOP:
            try:
                await command()
                return
            except StoreUnavailable as error:
                log.warning("store_unavailable", command=what, error=str(error), retry_in=pause)
            except Exception:
                # The instance stays as it is until the next engine rescues it; the executor must go on.
                log.exception("command_failed", command=what)
                return
            if self._hurried:
                tries_at_stop += 1
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_PAUSE)
        log.error("left_to_rescue", command=what)
