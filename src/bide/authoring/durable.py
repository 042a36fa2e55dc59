"""Waiting in the middle of a function: :func:`wait`, :func:`step`, :func:`gather`.

    @task
    def publish(order):
        job = step("submit", submit, order)
        wait(JobTrigger(job), timeout=timedelta(hours=2))
        verdict = wait(SignalTrigger("approved"))
        ...

``wait()`` leaves the worker. When the wait is over, the function is run again from its start; steps and waits that
are done return what they returned before, so that it comes to the same place with the same values.
"""

from __future__ import annotations

import datetime as dt
import inspect
import sys
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any, Final, cast

from bide.authoring.calling import call
from bide.authoring.composition import CombinedTrigger, Within, all_of
from bide.authoring.journal import Journal, current_journal
from bide.authoring.moments import aware, now
from bide.authoring.trigger import BaseTrigger, SignalTrigger, TimerTrigger
from bide.model.errors import DeferralTimeout, InvalidArgument, TriggerFailure
from bide.model.journal import JournalEntry
from bide.model.values import decode, encode

#: Key of the step that runs in this context; empty outside of one.
_in_step: ContextVar[str] = ContextVar("bide_step", default="")
_HERE: Final = ("bide.authoring.durable", "bide.authoring.journal")


class MomentTrigger(TimerTrigger):
    """Fires at `moment`."""

    def __init__(self, moment: dt.datetime) -> None:
        super().__init__()
        self.moment = moment

    @property
    def due_at(self) -> dt.datetime:
        """The moment."""
        return self.moment

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and the moment."""
        return f"{__name__}.{type(self).__qualname__}", {"moment": self.moment}


#: What can be waited for: a span, a moment, a trigger.
Waitable = dt.timedelta | dt.datetime | BaseTrigger


def wait(what: Waitable, *, timeout: dt.timedelta | float | None = None, name: str | None = None) -> Any:
    """Wait for `what` without holding a worker; the payload of its event.

    `what` is a timedelta, a datetime, or any trigger; several at once with ``any_of()``, ``all_of()``, ``n_of()``.
    In an ``async`` function write ``await wait(...)``. `name` tells this wait from others when the code changes; by
    default it is that of the trigger's class. Raises :class:`DeferralTimeout` when `timeout` is over, and
    :class:`TriggerFailure` when the wait fails; both can be caught.
    """
    return _answer(_Wait(what, timeout, name, _line()))


def step(*what: Any, **kwargs: Any) -> Any:
    """Call a function once and keep what it returns: ``step("submit", submit, order)`` or ``step(submit, order)``.

    Later segments and tries get the kept value without a call. A step that was cut off before its result was kept
    is called again; :func:`step_key` gives it a key that stays the same. What it raises is not kept.
    In an ``async`` function write ``await step(...)``; the step's function may be async or plain.
    """
    name, function, args = _step_parts(what)
    return _answer(_Step(name, function, args, kwargs, _line()))


def gather(*parts: Any) -> Any:
    """Do several things at once: a list of what they gave, in their order.

    In a plain function, parts are what :func:`wait` takes: they are waited for together. In an ``async`` function
    also what ``step()`` and ``wait()`` give there: ``await gather(step(a), step(b), wait(c))``.
    """
    return _answer(_Gather(parts, _line()))


def step_key() -> str:
    """Inside a step: a text that names it for ever, to be given to a service that does nothing twice.

    The same in each attempt at this step, and another one after the task was cleared.
    """
    key = _in_step.get()
    if not key:
        raise InvalidArgument("step_key() works inside the function of a step")
    return current_journal("step_key()").step_key(key)


class _Part:
    """What a call of wait() or the like asks for. Its key is taken at once, so that keys follow the calls."""

    def __init__(self, asked: str, name: str, line: str) -> None:
        self.journal: Journal = current_journal(asked)
        if _in_step.get():
            raise InvalidArgument(f"{asked} can't be used inside a step: {_in_step.get()} has to return first")
        self.key = self.journal.next_key(name)
        self.line = line

    def result(self) -> Any:
        """In a plain function."""
        raise NotImplementedError

    async def async_result(self) -> Any:
        """In an async function."""
        return self.result()

    def __await__(self) -> Generator[Any, Any, Any]:
        self.journal.awaited(self.key)
        return self.async_result().__await__()


def _answer(part: _Part) -> Any:
    if not _in_loop():
        return part.result()
    part.journal.hand_out(part.key, part.line)
    return part


class _Wait(_Part):
    def __init__(self, what: Any, timeout: Any, name: str | None, line: str) -> None:
        self.trigger = _trigger_of(what)
        super().__init__("wait()", name or _name_of(what), line)
        self.timeout = timeout

    def result(self) -> Any:
        found = self.journal.find(self.key, "wait", self.line)
        if found is None:
            raise self.journal.suspend(self.trigger, self.key, self.line, self.timeout)
        return _event_of(found)


class _Step(_Part):
    def __init__(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], line: str
    ) -> None:
        super().__init__("step()", name, line)
        self.function, self.args, self.kwargs = function, args, kwargs

    def result(self) -> Any:
        found = self.journal.find(self.key, "step", self.line)
        if found is not None:
            return decode(found.value)
        token = _in_step.set(self.key)
        try:
            value = call(self.function, *self.args, **self.kwargs)
        finally:
            _in_step.reset(token)
        return self._keep(value)

    async def async_result(self) -> Any:
        import asyncio  # half of what `import bide` may cost; DAG files need none of it

        found = self.journal.find(self.key, "step", self.line)
        if found is not None:
            return decode(found.value)
        token = _in_step.set(self.key)
        try:
            if inspect.iscoroutinefunction(self.function):
                value = await self.function(*self.args, **self.kwargs)
            else:
                value = await asyncio.to_thread(self.function, *self.args, **self.kwargs)
                if inspect.isawaitable(value):
                    value = await value
        finally:
            _in_step.reset(token)
        return await asyncio.to_thread(self._keep, value)

    def _keep(self, value: Any) -> Any:
        """What later segments get is what this one gets: a copy that was stored and read."""
        stored = encode(value, what=f"result of step {self.key}")
        self.journal.record(self.key, stored, self.line)
        return decode(stored)


class _Gather(_Part):
    def __init__(self, parts: tuple[Any, ...], line: str) -> None:
        super().__init__("gather()", "gather", line)
        self.steps = {place: part for place, part in enumerate(parts) if isinstance(part, _Step)}
        self.waits = {place: _within(part) for place, part in enumerate(parts) if place not in self.steps}
        for part in parts:
            if isinstance(part, _Part):
                self.journal.awaited(part.key)

    def result(self) -> list[Any]:
        return self._in_order(self._waited())

    async def async_result(self) -> list[Any]:
        import asyncio

        # All of them come to an end first, so that those which return are kept whatever the others do.
        done = await asyncio.gather(*self.steps.values(), return_exceptions=True)
        for one in done:
            if isinstance(one, BaseException):
                raise one
        return self._in_order(dict(zip(self.steps, done, strict=True)) | self._waited())

    def _waited(self) -> dict[int, Any]:
        if not self.waits:
            return {}
        found = self.journal.find(self.key, "wait", self.line)
        if found is None:
            raise self.journal.suspend(all_of(*self.waits.values()), self.key, self.line, None)
        events: dict[int, Any] = _event_of(found)
        return {place: events[number] for number, place in enumerate(self.waits)}

    def _in_order(self, results: dict[int, Any]) -> list[Any]:
        return [results[place] for place in sorted(results)]


def _event_of(entry: JournalEntry) -> Any:
    value = decode(entry.value)
    if entry.status == "done":
        return value
    raise DeferralTimeout(value) if entry.timed_out else TriggerFailure(value)


def _within(part: Any) -> Within:
    if isinstance(part, _Wait):
        return Within(part.trigger, None if part.timeout is None else _seconds(part.timeout))
    return part if isinstance(part, Within) else Within(_trigger_of(part))


def _seconds(timeout: dt.timedelta | float) -> float:
    return timeout.total_seconds() if isinstance(timeout, dt.timedelta) else float(timeout)


def _trigger_of(what: Any) -> BaseTrigger:
    if isinstance(what, BaseTrigger):
        return what
    if isinstance(what, dt.timedelta):
        return MomentTrigger(now() + what)
    if isinstance(what, dt.datetime):
        return MomentTrigger(aware(what))
    raise InvalidArgument(f"wait() takes a timedelta, a datetime or a trigger, not {what!r:.200}{_hint(what)}")


def _hint(what: object) -> str:
    if isinstance(what, str):
        return ": write SignalTrigger(...) to wait for a signal"
    if isinstance(what, type) and issubclass(what, BaseTrigger):
        return f": write {what.__name__}(...)"
    if isinstance(what, int | float) and not isinstance(what, bool):
        return f": write timedelta(seconds={what!r}) to wait so long"
    return ""


def _name_of(what: object) -> str:
    if isinstance(what, SignalTrigger):
        return what.name
    if isinstance(what, CombinedTrigger):
        return what.kind
    return "moment" if isinstance(what, dt.timedelta | dt.datetime) else type(what).__name__


def _step_parts(what: tuple[Any, ...]) -> tuple[str, Callable[..., Any], tuple[Any, ...]]:
    name, rest = (what[0], what[1:]) if what and isinstance(what[0], str) else (None, what)
    if not rest or not callable(rest[0]):
        raise InvalidArgument(
            "step() takes a name, if you like, a function and its arguments, as in step('submit', submit, order), "
            f"not {what!r:.200}"
        )
    function = cast("Callable[..., Any]", rest[0])
    name = name or str(getattr(function, "__name__", type(function).__name__))
    if name == "<lambda>":
        raise InvalidArgument("step(): a lambda has no name to be found by: write step('name', lambda: ...)")
    return name, function, rest[1:]


def _in_loop() -> bool:
    # asyncio is imported by whoever runs a loop.
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _line() -> str:
    """Where the code of the task is that asks."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_globals.get("__name__") in _HERE:
        frame = frame.f_back
    code = frame.f_code
    return f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"
