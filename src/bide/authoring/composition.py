"""Waits made of waits: any of them, all of them, so many of them.

    self.defer(
        trigger=any_of(told=SignalTrigger("done"), seen=JobTrigger(job_id)),
        method_name="finish",
    )

The event of the whole is a dict with the payloads of those that had an event by then, in the order in which they
had it: under their keywords, or under their positions (0, 1, ...) where they were given without.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from bide.authoring.moments import as_seconds
from bide.authoring.trigger import BaseTrigger, TaskEndEvent, TriggerEvent, first_of
from bide.model.errors import InvalidArgument, TriggerFailure

if TYPE_CHECKING:
    import asyncio

#: A wait as it stands among others, serialised: class path, arguments, seconds.
SerializedWait = tuple[str, dict[str, Any], float | None]


class Within(NamedTuple):
    """A wait among others that has a limit of its own. Made by :func:`within`."""

    trigger: BaseTrigger
    #: Seconds.
    timeout: float | None = None


def within(timeout: dt.timedelta | float, trigger: BaseTrigger) -> Within:
    """`trigger`, to be given to :func:`any_of` and the like, which fails there when `timeout` is over.

    `timeout` is a timedelta or seconds.
    """
    seconds = as_seconds(timeout, name="timeout", of="within")
    return Within(_checked(trigger, "within"), seconds)


def any_of(*triggers: BaseTrigger | Within, **named: BaseTrigger | Within) -> CombinedTrigger:
    """Wait for the first event of any of these. Fails only when all of them have failed."""
    return _combined("any_of", 1, triggers, named)


def all_of(*triggers: BaseTrigger | Within, **named: BaseTrigger | Within) -> CombinedTrigger:
    """Wait until each of these has had its event. Fails when one of them fails."""
    return _combined("all_of", len(triggers) + len(named), triggers, named)


def n_of(needed: int, *triggers: BaseTrigger | Within, **named: BaseTrigger | Within) -> CombinedTrigger:
    """Wait until `needed` of these have had their events. Fails when too few are left."""
    count = len(triggers) + len(named)
    whole = isinstance(needed, int) and not isinstance(needed, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not whole or not 1 <= needed <= max(count, 1):
        raise InvalidArgument(f"n_of: needed={needed!r} must be a whole number from 1 to the {count} waits given")
    return _combined("n_of", needed, triggers, named)


class CombinedTrigger(BaseTrigger):
    """Waits for so many of several waits. The engine keeps it as a tree of rows and runs none of its code."""

    def __init__(self, needed: int, waits: Mapping[str, Within | BaseTrigger | SerializedWait]) -> None:
        super().__init__()
        self.needed = needed
        #: By name: a keyword, or the position in digits.
        self.waits = {name: _as_wait(wait) for name, wait in waits.items()}

    @property
    def kind(self) -> Literal["any", "all", "n_of"]:
        """What to call it."""
        if self.needed == len(self.waits):
            return "all"
        return "any" if self.needed == 1 else "n_of"

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class, and the waits in their serialised forms."""
        waits = {name: [*wait.trigger.serialize(), wait.timeout] for name, wait in self.waits.items()}
        return f"{type(self).__module__}.{type(self).__qualname__}", {"needed": self.needed, "waits": waits}

    def describe(self) -> str:
        """All that is waited for."""
        lines = [wait.trigger.describe() for wait in self.waits.values()]
        if self.kind == "all":
            return " and ".join(lines)
        return " or ".join(lines) if self.kind == "any" else f"{self.needed} of: {'; '.join(lines)}"

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Run all waits until enough of them have an event; used where no engine does it."""
        import asyncio

        tasks = {asyncio.ensure_future(_event_of(wait)): name for name, wait in self.waits.items()}
        events: dict[str | int, Any] = {}
        errors: dict[str, BaseException] = {}
        try:
            while len(events) < self.needed:
                if len(self.waits) - len(errors) < self.needed:
                    raise TriggerFailure("; ".join(f"{name}: {error}" for name, error in errors.items()))
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in tasks if task in done]:
                    if len(events) == self.needed:
                        break
                    name = tasks.pop(task)
                    error = task.exception()
                    if error is not None:
                        errors[name] = error
                    elif isinstance(event := task.result(), TaskEndEvent):
                        yield event
                        return
                    else:
                        events[int(name) if name.isdigit() else name] = event.payload
        finally:
            await _end(tasks)
        yield TriggerEvent(events)


async def _event_of(wait: Within) -> TriggerEvent:
    import asyncio

    try:
        async with asyncio.timeout(wait.timeout):
            async for found in wait.trigger.run():
                if found != []:
                    return first_of(found)
    finally:
        await wait.trigger.cleanup()
    raise TriggerFailure(f"{type(wait.trigger).__name__}.run() ended without yielding an event")


async def _end(tasks: Mapping[asyncio.Task[TriggerEvent], str]) -> None:
    import asyncio

    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _combined(
    of: str, needed: int, triggers: tuple[BaseTrigger | Within, ...], named: dict[str, BaseTrigger | Within]
) -> CombinedTrigger:
    waits = {str(position): trigger for position, trigger in enumerate(triggers)} | named
    if not waits:
        raise InvalidArgument(f"{of}: there is nothing to wait for: give it at least one trigger")
    for name, wait in waits.items():
        is_wait = isinstance(wait, BaseTrigger | Within)  # pyright: ignore[reportUnnecessaryIsInstance]
        if name == "timeout" and not is_wait:
            raise InvalidArgument(
                f"{of}: 'timeout' would be the name of a wait here: give the limit to defer() or wait(), or write "
                f"within({wait!r}, {of}(...))"
            )
        _checked(wait.trigger if isinstance(wait, Within) else wait, of)
    return CombinedTrigger(needed, waits)


def _checked(trigger: BaseTrigger, of: str) -> BaseTrigger:
    if isinstance(trigger, type):
        raise InvalidArgument(f"{of}: {trigger.__name__} is a class: write {trigger.__name__}(...)")
    if not isinstance(trigger, BaseTrigger):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgument(f"{of}: {trigger!r} is no trigger; give it instances of a BaseTrigger")
    return trigger


def _as_wait(wait: Within | BaseTrigger | SerializedWait) -> Within:
    if isinstance(wait, Within):
        return wait
    if isinstance(wait, BaseTrigger):
        return Within(wait)
    classpath, kwargs, timeout = wait
    module, _, name = classpath.rpartition(".")
    return Within(getattr(import_module(module), name)(**kwargs), timeout)
