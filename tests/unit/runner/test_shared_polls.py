"""Equal polls share their looks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from bide.authoring.trigger import Found, PollTrigger, TriggerEvent
from bide.model.values import decode
from bide.runner.held_trigger import Held
from bide.runner.trigger_pool import TriggerPool
from bide.wire.messages import InstanceKey, TriggerDropped, TriggerEnded, TriggerLoad


class Service:
    """What is looked at; tells when that happens."""

    def __init__(self) -> None:
        self.looks: list[float] = []
        self.answer: TriggerEvent | Exception | None = None
        #: Looks begin at once, but end only while it is set.
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._looked = asyncio.Event()

    async def look(self) -> TriggerEvent | None:
        self.looks.append(asyncio.get_running_loop().time())
        self._looked.set()
        await self.may_answer.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def until_looked(self, times: int) -> None:
        async with asyncio.timeout(10):
            while len(self.looks) < times:
                self._looked.clear()
                await self._looked.wait()


class Poll(PollTrigger):
    share_key = "the only one"

    def __init__(self, service: Service, **attributes: Any) -> None:
        self.service = service
        self.cleanups = 0
        for name, value in attributes.items():
            setattr(self, name, value)

    def serialize(self) -> Any: ...

    async def poll(self) -> TriggerEvent | None:
        return await self.service.look()

    async def cleanup(self) -> None:
        self.cleanups += 1


class Batch(Poll):
    """Each looks for a number; one request answers for many."""

    poll_many_limit = 2
    calls: list[list[int]] = []

    @classmethod
    async def poll_many(cls, triggers: Sequence[Self]) -> Sequence[Found]:
        numbers: list[int] = [trigger.number for trigger in triggers]  # type: ignore[attr-defined]
        cls.calls.append(numbers)
        await triggers[0].service.look()
        return [cls.found(number) for number in numbers]

    @staticmethod
    def found(number: int) -> Found:
        if number == 3:
            return OSError("three is out of order")
        return TriggerEvent(number) if number % 2 else None


class Runner:
    def __init__(self) -> None:
        self.told: list[TriggerEnded | TriggerDropped] = []
        self.changed = asyncio.Event()
        self.pool = TriggerPool(asyncio.get_running_loop(), self._tell)

    def _tell(self, message: TriggerEnded | TriggerDropped) -> None:
        self.told.append(message)
        self.changed.set()

    def ended(self) -> dict[str, Any]:
        """Payload, or error, by wait."""
        return {
            one.wait_id: one.error or (one.outcome and decode(one.outcome.payload))
            for one in self.told
            if isinstance(one, TriggerEnded)
        }

    async def until(self, check: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not check():
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def runner() -> Runner:
    return Runner()


@pytest.fixture
def add(runner: Runner, tmp_path: Path) -> Callable[..., Poll]:
    def begin(
        wait_id: str, trigger: Poll, *, interval: float = 60.0, key: str | None = "group", token: int = 1
    ) -> Poll:
        load = TriggerLoad(
            wait_id,
            token,
            "poll",
            "x.Y",
            b"{}",
            InstanceKey("i", "d", "r", wait_id),
            1,
            "f",
            str(tmp_path),
            str(tmp_path / f"{wait_id}.log"),
            interval=interval,
            group_key=key,
        )
        runner.pool.add(Held(load, trigger))
        return trigger

    return begin


Add = Callable[..., Poll]


async def test_k20_ten_thousand_equal_polls_are_one_look(runner: Runner, add: Add):
    """K20"""
    service = Service()
    polls = [add(f"w{number}", Poll(service)) for number in range(10_000)]
    await service.until_looked(1)
    await asyncio.sleep(0)
    assert len(service.looks) == 1
    assert runner.pool.polls.stats.looks == 1
    service.answer = TriggerEvent("found")
    await runner.pool.close(10)
    assert {one.cleanups for one in polls} == {1}


async def test_k20_one_look_per_interval_whenever_they_come(runner: Runner, add: Add):
    """K20"""
    service = Service()
    add("first", Poll(service), interval=0.05)
    for number in range(200):
        add(f"w{number}", Poll(service), interval=0.05)
        await asyncio.sleep(0)
    await service.until_looked(4)
    pauses = [after - before for before, after in zip(service.looks, service.looks[1:], strict=False)]
    assert min(pauses) >= 0.049
    await runner.pool.close(10)


async def test_what_one_finds_is_the_event_of_all(runner: Runner, add: Add):
    service = Service()
    service.answer = TriggerEvent("found")
    polls = [add(f"w{number}", Poll(service)) for number in range(3)]
    await runner.until(lambda: len(runner.told) == 3)
    assert runner.ended() == {"w0": "found", "w1": "found", "w2": "found"}
    assert len(service.looks) == 1
    await _until_clean(polls)
    assert len(runner.pool) == 0


@pytest.mark.parametrize("answer", [TriggerEvent("found"), OSError("the service is down")], ids=["event", "error"])
async def test_k05_thousands_of_ends_do_not_hold_up_the_loop(
    runner: Runner, add: Add, answer: TriggerEvent | Exception
):
    """K05"""
    service = Service()
    service.answer = answer
    polls = [add(f"w{number}", Poll(service, max_errors=1)) for number in range(2000)]
    await service.until_looked(1)
    turns = 0
    async with asyncio.timeout(30):
        while len(runner.told) < len(polls):
            await asyncio.sleep(0)
            turns += 1
    assert turns >= 2000 / 50
    assert len(set(runner.ended().values())) == 1
    await _until_clean(polls)
    assert len(runner.pool) == 0


async def test_one_that_is_dropped_before_its_end_is_told_ends_once(runner: Runner, add: Add):
    service = Service()
    service.answer = TriggerEvent("found")
    polls = [add(f"w{number}", Poll(service)) for number in range(200)]
    await runner.until(lambda: bool(runner.told))
    over = runner.pool.drop("w199", tell=True)
    assert over is not None
    await asyncio.wait_for(over.wait(), 10)
    await _until_clean(polls)
    assert "w199" not in runner.ended()
    assert len(runner.ended()) == 199


async def test_a_look_counts_only_for_those_that_were_there_when_it_began(runner: Runner, add: Add):
    service = Service()
    service.may_answer.clear()
    service.answer = TriggerEvent("found")
    add("early", Poll(service), interval=0.02)
    await service.until_looked(1)
    add("late", Poll(service), interval=0.02)
    service.may_answer.set()
    await runner.until(lambda: len(runner.told) == 1)
    assert runner.ended() == {"early": "found"}
    await runner.until(lambda: len(runner.told) == 2)
    assert len(service.looks) == 2


async def test_the_shortest_interval_counts_for_all(runner: Runner, add: Add):
    service = Service()
    add("slow", Poll(service), interval=500.0)
    await service.until_looked(1)
    add("quick", Poll(service), interval=0.02)
    await service.until_looked(3)
    runner.pool.drop("quick", tell=True)
    await runner.until(lambda: bool(runner.told))
    await service.until_looked(3)
    while (left := runner.pool.next_look("slow")) is not None and left <= 0.02:
        await asyncio.sleep(0)
    assert left is not None
    assert left > 400
    await runner.pool.close(10)


async def test_the_budget_of_errors_is_the_groups(runner: Runner, add: Add):
    service = Service()
    service.answer = OSError("the service is down")
    polls = [add(f"w{number}", Poll(service, max_errors=2 + number), interval=0.01) for number in range(2)]
    await runner.until(lambda: len(runner.told) == 2)
    assert runner.ended() == {"w0": "OSError: the service is down", "w1": "OSError: the service is down"}
    assert len(service.looks) == 3
    await _until_clean(polls)


async def test_dropping_one_leaves_the_look_of_the_others_alone(runner: Runner, add: Add):
    service = Service()
    service.may_answer.clear()
    leaves, stays = add("leaves", Poll(service)), add("stays", Poll(service))
    await service.until_looked(1)
    over = runner.pool.drop("leaves", tell=True)
    assert over is not None
    assert leaves.cleanups == 0, "its poll() is still under way"
    service.answer = TriggerEvent("found")
    service.may_answer.set()
    await asyncio.wait_for(over.wait(), 10)
    await runner.until(lambda: len(runner.told) == 2)
    assert runner.ended() == {"stays": "found"}
    await _until_clean([leaves, stays])


async def test_dropping_all_cancels_the_look(runner: Runner, add: Add):
    service = Service()
    service.may_answer.clear()
    polls = [add("a", Poll(service)), add("b", Poll(service))]
    await service.until_looked(1)
    overs = [runner.pool.drop(name, tell=False) for name in ("a", "b")]
    for over in overs:
        assert over is not None
        await asyncio.wait_for(over.wait(), 10)
    assert [one.cleanups for one in polls] == [1, 1]
    assert not runner.told


async def test_k20_one_call_looks_for_many(runner: Runner, add: Add):
    """K20"""
    service = Service()
    Batch.calls = []
    for number in range(5):
        add(f"w{number}", Batch(service, number=number, max_errors=2), interval=0.02)
    await runner.until(lambda: len(runner.told) == 2)
    assert runner.ended()["w1"] == 1
    assert Batch.calls[0] == [0, 1]
    assert Batch.calls[1][0] == 2
    await runner.until(lambda: len(runner.ended()) == 2 and runner.ended().get("w3") is not None)
    assert runner.ended()["w3"] == "OSError: three is out of order", "only its own budget is spent"
    assert len(runner.pool) == 3
    await runner.pool.close(10)


async def test_an_answer_of_the_wrong_length_fails_all(runner: Runner, add: Add):
    class Forgetful(Batch):
        @classmethod
        def poll_many(cls, triggers: Sequence[Self]) -> Sequence[Found] | Awaitable[Sequence[Found]]:
            return []

    for number in range(2):
        add(f"w{number}", Forgetful(Service(), number=number, max_errors=1))
    await runner.until(lambda: len(runner.told) == 2)
    assert "one entry for each of 2" in runner.ended()["w0"]


async def test_after_a_takeover_looks_spread_over_one_interval(runner: Runner, add: Add):
    service = Service()
    for number in range(200):
        add(f"w{number}", Poll(service), interval=1000.0, key=None, token=3)
    waits = [runner.pool.next_look(f"w{number}") or 0.0 for number in range(200)]
    assert 0 <= min(waits) < 100
    assert 900 < max(waits) <= 1000
    await runner.pool.close(10)


async def _until_clean(polls: Sequence[Poll]) -> None:
    async with asyncio.timeout(10):
        while any(one.cleanups == 0 for one in polls):
            await asyncio.sleep(0)
    assert [one.cleanups for one in polls] == [1] * len(polls)
