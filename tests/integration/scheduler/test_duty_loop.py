"""The loop that runs duties: woken by the bell or the clock, patient with failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.loop import DutyLoop
from bide.model.errors import StoreUnavailable
from bide.store import Bell, Topic
from tests.support.clock import HeldClock

pytestmark = pytest.mark.usefixtures("no_blocking")

SAFETY_NET = 30.0


@dataclass
class ScriptedDuty:
    """Answers, or raises, what its script says; then it has nothing more to do."""

    name: str = "scripted"  # type: ignore[misc]
    topics: tuple[Topic, ...] = ("runs",)  # type: ignore[misc]
    script: list[Next | Exception] = field(default_factory=list[Next | Exception])
    calls: int = 0
    called: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> Next:
        self.calls += 1
        self.called.set()
        step = self.script.pop(0) if self.script else Next()
        if isinstance(step, Exception):
            raise step
        return step

    async def reached(self, calls: int) -> None:
        """Wait until it was called so many times, and is idle or asleep again."""
        async with asyncio.timeout(5):
            while self.calls < calls:
                self.called.clear()
                await self.called.wait()
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
def bell() -> Bell:
    return Bell()


Start = Callable[..., DutyLoop]


@pytest.fixture
async def start(bell: Bell, clock: HeldClock) -> AsyncIterator[Start]:
    """Starts loops, and stops them in the end."""
    loops: list[DutyLoop] = []

    def begin(*duties: ScriptedDuty) -> DutyLoop:
        made = DutyLoop(duties, bell, clock, safety_net=SAFETY_NET)
        loops.append(made)
        made.start()
        return made

    yield begin
    for loop in loops:
        await loop.stop()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Makes sleep short, and notes for how long it was asked."""
    asked: list[float] = []
    sleep = asyncio.sleep

    async def short(seconds: float) -> None:
        if seconds:
            asked.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", short)
    return asked


async def test_every_duty_runs_once_at_the_start_and_then_rests(start: Start) -> None:
    one, other = ScriptedDuty("one"), ScriptedDuty("other")
    start(one, other)
    await one.reached(1)
    await other.reached(1)
    assert (one.calls, other.calls) == (1, 1)


async def test_the_bell_wakes_those_who_listen(start: Start, bell: Bell) -> None:
    one, other = ScriptedDuty("one", ("runs", "dags")), ScriptedDuty("other", ("marks",))
    start(one, other)
    await one.reached(1)
    bell.ring("dags")
    await one.reached(2)
    assert other.calls == 1


async def test_a_ring_while_it_works_is_not_lost(start: Start, bell: Bell) -> None:
    class Ringing(ScriptedDuty):
        async def run(self) -> Next:
            answer = await super().run()
            if self.calls == 1:
                bell.ring("runs")
            return answer

    duty = Ringing()
    start(duty)
    await duty.reached(2)
    assert duty.calls == 2


async def test_one_that_has_more_to_do_is_called_again_at_once(start: Start) -> None:
    duty = ScriptedDuty(script=[Next(again=True)] * 3)
    start(duty)
    await duty.reached(4)
    assert duty.calls == 4


async def test_a_due_time_wakes_it(start: Start, clock: HeldClock) -> None:
    soon = clock.now() + timedelta(milliseconds=20)
    duty = ScriptedDuty(script=[Next(due_at=soon)])
    start(duty)
    await duty.reached(2)


async def test_a_due_time_in_the_past_wakes_it_at_once(start: Start, clock: HeldClock) -> None:
    duty = ScriptedDuty(script=[Next(due_at=clock.now() - timedelta(days=1))])
    start(duty)
    await duty.reached(2)


@pytest.mark.parametrize("seconds", [SAFETY_NET + 1, 1e9])
async def test_nobody_sleeps_longer_than_the_safety_net(
    start: Start, bell: Bell, clock: HeldClock, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    asked: list[float | None] = []

    class Impatient:
        def timeout(self, delay: float | None) -> asyncio.Timeout:
            asked.append(delay)
            return asyncio.timeout(delay)

        Event = asyncio.Event

    monkeypatch.setattr("bide.store.bell.asyncio", Impatient())
    duty = ScriptedDuty(script=[Next(due_at=clock.now() + timedelta(seconds=seconds)), Next()])
    start(duty)
    await duty.reached(1)
    bell.ring("runs")
    await duty.reached(2)
    assert asked == [SAFETY_NET, SAFETY_NET]


async def test_a_duty_that_fails_is_tried_again_with_growing_pauses_and_shown(
    start: Start, pauses: list[float]
) -> None:
    script: list[Next | Exception] = [ValueError(f"no {number}") for number in range(9)]
    failing, healthy = ScriptedDuty("failing", script=script), ScriptedDuty("healthy")
    loop = start(failing, healthy)
    await failing.reached(10)
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0]
    assert healthy.calls == 1
    assert loop.health["failing"].last_error == ""
    assert loop.health["failing"].last_run is not None


async def test_health_tells_the_error_until_it_is_over(start: Start, clock: HeldClock, bell: Bell) -> None:
    duty = ScriptedDuty(script=[Next(), StoreUnavailable("the disk is full")])
    loop = start(duty)
    await duty.reached(1)
    bell.ring("runs")
    await duty.reached(2)
    assert loop.health["scripted"].last_error == "the disk is full"
    assert loop.health["scripted"].last_run == clock.now()


async def test_pauses_begin_anew_after_a_success(start: Start, pauses: list[float], bell: Bell) -> None:
    duty = ScriptedDuty(script=[ValueError("a"), ValueError("b"), Next(again=True), ValueError("c")])
    start(duty)
    await duty.reached(5)
    assert pauses == [0.2, 0.4, 0.2]


async def test_stopping_ends_all_of_them_and_leaves_the_bell(start: Start, bell: Bell) -> None:
    idle, busy = ScriptedDuty("idle"), ScriptedDuty("busy", script=[ValueError("x")] * 2)
    loop = start(idle, busy)
    await idle.reached(1)
    await busy.reached(1)
    await loop.stop()
    bell.ring("runs")
    await asyncio.sleep(0)
    assert (idle.calls, busy.calls) == (1, 1)
    assert bell._listeners == []
