"""Waits made of waits, as authors make them and as they run without an engine."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bide import BaseTrigger, SignalTrigger, TaskSuccessEvent, TriggerEvent, all_of, any_of, n_of, within
from bide.authoring.composition import CombinedTrigger
from bide.model.errors import InvalidArgument, TriggerFailure


class Told(BaseTrigger):
    """Yields `payload`, or raises it; waits for ever for None. Counts its cleanups."""

    cleanups = 0

    def __init__(self, payload: Any = None) -> None:
        super().__init__()
        self.payload = payload

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Told", {"payload": self.payload}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        if self.payload is None:
            await asyncio.Event().wait()
        if isinstance(self.payload, Exception):
            raise self.payload
        yield self.payload if isinstance(self.payload, TriggerEvent) else TriggerEvent(self.payload)

    async def cleanup(self) -> None:
        Told.cleanups += 1

    def describe(self) -> str:
        return f"{self.payload}"


@pytest.fixture(autouse=True)
def no_cleanups() -> None:
    Told.cleanups = 0


async def first(trigger: BaseTrigger) -> TriggerEvent:
    async for event in trigger.run():
        return event
    raise AssertionError("no event")


async def test_any_of_yields_the_first() -> None:
    assert await first(any_of(told=Told(), seen=Told(7))) == TriggerEvent({"seen": 7})
    assert Told.cleanups == 2


async def test_all_of_yields_all_by_position_and_name() -> None:
    assert await first(all_of(Told("a"), Told("b"), c=Told("d"))) == TriggerEvent({0: "a", 1: "b", "c": "d"})


async def test_nested() -> None:
    trigger = all_of(any_of(Told(), Told(1)), n_of(1, x=Told(2), y=Told(ValueError("no"))))
    assert await first(trigger) == TriggerEvent({0: {1: 1}, 1: {"x": 2}})


async def test_an_ending_event_ends_the_whole() -> None:
    assert await first(all_of(Told(), Told(TaskSuccessEvent(xcoms={"k": 1})))) == TaskSuccessEvent(xcoms={"k": 1})


async def test_a_limit_of_its_own() -> None:
    with pytest.raises(TriggerFailure, match="0: "):
        await first(any_of(within(dt.timedelta(0), Told())))
    assert Told.cleanups == 1


async def test_too_few_are_left() -> None:
    with pytest.raises(TriggerFailure, match="1: no"):
        await first(all_of(Told(), Told(ValueError("no"))))
    assert Told.cleanups == 2


async def test_it_can_be_built_again_from_what_it_serialises_to() -> None:
    path, kwargs = n_of(1, Told(1), within(60, Told(2))).serialize()
    assert path == "bide.authoring.composition.CombinedTrigger"
    again = CombinedTrigger(**kwargs)
    assert again.serialize() == (path, kwargs)
    assert await first(again) == TriggerEvent({0: 1})


def test_what_it_is_called_and_says() -> None:
    assert (any_of(Told(1), Told(2)).kind, any_of(Told(1), Told(2)).describe()) == ("any", "1 or 2")
    assert (all_of(Told(1), Told(2)).kind, all_of(Told(1), Told(2)).describe()) == ("all", "1 and 2")
    assert (n_of(2, Told(1), Told(2), Told(3)).kind, n_of(2, Told(1), Told(2), Told(3)).describe()) == (
        "n_of",
        "2 of: 1; 2; 3",
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (any_of, "any_of: there is nothing to wait for"),
        (lambda: any_of(Told), "any_of: Told is a class: write Told"),
        (lambda: all_of(3), "all_of: 3 is no trigger"),
        (lambda: any_of(SignalTrigger("a"), timeout=5), r"write within\(5, any_of\(...\)\)"),
        (lambda: n_of(3, Told(), Told()), "needed=3 must be a whole number from 1 to the 2 waits given"),
        (lambda: n_of(True, Told()), "needed=True"),
        (lambda: within(60, "no"), "within: 'no' is no trigger"),
        (lambda: within("soon", Told()), "within: timeout"),
        (lambda: SignalTrigger("no spaces"), "a signal's name has 1 to 250 letters"),
        (lambda: SignalTrigger(""), "not ''"),
    ],
)
def test_mistakes_are_told_where_they_are_made(make: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        make()


async def test_a_signal_needs_an_engine() -> None:
    with pytest.raises(InvalidArgument, match="signal 'go': only a task that was deferred by the engine"):
        await first(SignalTrigger("go"))
