"""One consumer reads a stream for all that wait for its messages; the engine stores before it acknowledges."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bide.authoring.stream import StreamConsumer, StreamMessage, StreamTrigger
from bide.authoring.trigger import TriggerEvent
from bide.model.values import decode, encode
from bide.runner.held_trigger import Held
from bide.runner.trigger_pool import TriggerPool
from bide.testing import MemoryBroker
from bide.wire.messages import InstanceKey, TriggerDropped, TriggerEnded, TriggerLoad
from bide.wire.stream_messages import Checkpoint, EventsStored, SaveCheckpoint

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


class Order(StreamTrigger):
    """Waits for the message about one order."""

    share_key = "orders"
    retry_pause = 0.0

    def __init__(self, broker: MemoryBroker, order: Any = None, **attributes: Any) -> None:
        self.broker, self.order = broker, order
        self.cleanups = 0
        for name, value in attributes.items():
            setattr(self, name, value)

    def serialize(self) -> Any: ...

    def consumer(self) -> StreamConsumer:
        return self.broker.reader("orders")

    def match(self, message: StreamMessage) -> TriggerEvent | None:
        return TriggerEvent(message.value) if message.value == self.order else None

    async def cleanup(self) -> None:
        self.cleanups += 1


class Job(Order):
    """Takes any message of a queue, which is then nobody else's."""

    exclusive = True

    def consumer(self) -> StreamConsumer:
        return self.broker.receiver("orders")

    def match(self, message: StreamMessage) -> TriggerEvent | None:
        return TriggerEvent(message.value)


class Engine:
    """A pool, and an engine that stores its events when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[TriggerEnded | TriggerDropped | SaveCheckpoint] = []
        self.changed = asyncio.Event()
        self.pool = TriggerPool(asyncio.get_running_loop(), self._tell)

    def _tell(self, message: TriggerEnded | TriggerDropped | SaveCheckpoint) -> None:
        self.told.append(message)
        self.changed.set()

    def add(self, wait_id: str, trigger: Order, *, armed_at: float | None = None, **fields: Any) -> Order:
        load = TriggerLoad(
            wait_id,
            1,
            "stream",
            "x.Y",
            b"{}",
            InstanceKey("i", "d", "r", wait_id),
            1,
            "f",
            str(self.folder),
            str(self.folder / f"{wait_id}.log"),
            group_key=None if trigger.share_key is None else f"group of {trigger.share_key}",
            armed_at=dt.datetime.now(dt.UTC).timestamp() if armed_at is None else armed_at,
            **fields,
        )
        self.pool.add(Held(load, trigger))
        return trigger

    def asked(self) -> dict[str, Any]:
        """Payload by wait, of events that are to be stored."""
        return {
            one.wait_id: decode(one.outcome.payload)
            for one in self.told
            if isinstance(one, TriggerEnded) and one.asks and one.outcome
        }

    def failed(self) -> dict[str, str]:
        return {one.wait_id: one.error for one in self.told if isinstance(one, TriggerEnded) and one.error}

    def checkpoints(self) -> list[SaveCheckpoint]:
        return [one for one in self.told if isinstance(one, SaveCheckpoint)]

    def store(self, *wait_ids: str) -> None:
        self.pool.on_stored(EventsStored(accepted=wait_ids))

    async def until(self, check: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not check():
                await asyncio.sleep(0)

    async def settle(self) -> None:
        """Let everything happen that can happen now."""
        for _ in range(50):
            await asyncio.sleep(0)


@pytest.fixture
async def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker()


def values(messages: Sequence[StreamMessage]) -> list[Any]:
    return [one.value for one in messages]


async def test_k20_one_consumer_serves_all_waits_of_a_stream(engine: Engine, broker: MemoryBroker):
    """K20"""
    triggers = [engine.add(f"w{number}", Order(broker, number)) for number in range(500)]
    await engine.until(lambda: broker.opened("orders") == 1)
    for number in (7, 3, 999):
        broker.publish("orders", number)
    await engine.until(lambda: len(engine.asked()) == 2)
    assert engine.asked() == {"w7": 7, "w3": 3}
    engine.store("w7", "w3")
    await engine.until(lambda: len(broker.acknowledged("orders")) == 3)
    assert broker.opened("orders") == 1
    assert [trigger.cleanups for trigger in triggers].count(1) == 2
    await engine.pool.close(10)
    assert {trigger.cleanups for trigger in triggers} == {1}


async def test_k18_what_is_wanted_is_acknowledged_only_when_it_is_stored(engine: Engine, broker: MemoryBroker):
    """K18"""
    engine.add("a", Order(broker, 1))
    engine.add("b", Order(broker, 1))
    engine.add("stays", Order(broker, 99))
    await engine.until(lambda: broker.opened("orders") == 1)
    for number in (0, 1, 2):
        broker.publish("orders", number)
    await engine.until(lambda: len(engine.asked()) == 2)
    await engine.settle()
    assert values(broker.acknowledged("orders")) == [0]
    engine.store("a")
    await engine.settle()
    assert values(broker.acknowledged("orders")) == [0], "b is not stored yet"
    engine.store("b")
    await engine.until(lambda: len(broker.acknowledged("orders")) == 3)
    assert values(broker.acknowledged("orders")) == [0, 1, 2]


async def test_the_last_message_is_acknowledged_before_the_consumer_closes(engine: Engine, broker: MemoryBroker):
    engine.add("only", Order(broker, 1))
    await engine.until(lambda: broker.opened("orders") == 1)
    broker.publish("orders", 1)
    await engine.until(lambda: bool(engine.asked()))
    engine.store("only")
    await engine.until(lambda: len(engine.pool.streams) == 0)
    assert values(broker.acknowledged("orders")) == [1]
    assert len(engine.pool) == 0


async def test_what_came_between_the_beginning_of_a_wait_and_its_joining_counts(
    engine: Engine, broker: MemoryBroker
):
    """The first wait of a stream, and one that joins others whose consumer has read that message already."""
    began = dt.datetime.now(dt.UTC).timestamp()
    broker.publish("orders", 1)
    engine.add("first", Order(broker, 1), armed_at=began)
    engine.add("other", Order(broker, 99), armed_at=began)
    await engine.until(lambda: engine.asked() == {"first": 1})
    engine.store("first")
    await engine.until(lambda: len(broker.acknowledged("orders")) == 1)
    engine.add("late", Order(broker, 1), armed_at=began)
    await engine.until(lambda: engine.asked() == {"first": 1, "late": 1})
    assert broker.opened("orders") == 1, "it was at hand"


async def test_a_wait_that_began_before_the_consumer_has_it_read_again(engine: Engine, broker: MemoryBroker):
    old = broker.publish("orders", 1, timestamp=LONG_AGO)
    assert old.timestamp is not None
    engine.add("young", Order(broker, 2))
    await engine.until(lambda: broker.opened("orders") == 1)
    engine.add("old", Order(broker, 1), armed_at=LONG_AGO.timestamp() - 1)
    await engine.until(lambda: engine.asked() == {"old": 1})
    assert broker.opened("orders") == 2
    broker.publish("orders", 2)
    await engine.until(lambda: engine.asked() == {"old": 1, "young": 2})


async def test_messages_from_before_a_wait_began_are_not_its_event(engine: Engine, broker: MemoryBroker):
    broker.publish("orders", 1, timestamp=LONG_AGO)
    engine.add("old", Order(broker, 99), armed_at=LONG_AGO.timestamp() - 1)
    engine.add("young", Order(broker, 1))
    engine.add("asks for it", Order(broker, 1, since=LONG_AGO))
    await engine.until(lambda: len(broker.acknowledged("orders")) == 0 and bool(engine.asked()))
    await engine.settle()
    assert engine.asked() == {"asks for it": 1}


async def test_k04_a_match_that_raises_fails_that_wait_only(
    engine: Engine, broker: MemoryBroker, caplog: pytest.LogCaptureFixture
):
    """K04"""

    class Broken(Order):
        def match(self, message: StreamMessage) -> TriggerEvent | None:
            raise ValueError("no such field")

    bad = engine.add("bad", Broken(broker))
    engine.add("good", Order(broker, 1))
    await engine.until(lambda: broker.opened("orders") == 1)
    broker.publish("orders", 1)
    await engine.until(lambda: bool(engine.asked()) and bool(engine.failed()))
    assert engine.failed() == {"bad": "ValueError: no such field"}
    assert engine.asked() == {"good": 1}
    engine.store("good")
    await engine.until(lambda: bad.cleanups == 1)
    assert "no such field" in caplog.text


class Shaky(StreamConsumer):
    """Fails as told, and else is a reader."""

    def __init__(self, trigger: Shakes) -> None:
        self.trigger = trigger
        self.inner = trigger.broker.reader("orders")

    async def open(self, positions: Sequence[Any], since: dt.datetime | None) -> None:
        self.trigger.starts.append((tuple(positions), since))
        await self.inner.open(positions, since)

    async def receive(self) -> Sequence[StreamMessage]:
        if self.trigger.failures > 0:
            self.trigger.failures -= 1
            raise ConnectionError("the broker is gone")
        return await self.inner.receive()

    async def acknowledge(self, messages: Sequence[StreamMessage]) -> None:
        if self.trigger.refuses and any(one.value in self.trigger.refuses for one in messages):
            self.trigger.refuses.clear()
            raise ConnectionError("not now")
        await self.inner.acknowledge(messages)

    def position(self) -> Any:
        return self.inner.position()

    async def close(self) -> None:
        self.trigger.closed += 1
        await self.inner.close()


class Shakes(Order):
    def __init__(
        self, broker: MemoryBroker, order: Any = None, failures: int = 0, refuses: Sequence[Any] = ()
    ) -> None:
        super().__init__(broker, order)
        self.failures, self.refuses = failures, list(refuses)
        self.starts: list[Any] = []
        self.closed = 0

    def consumer(self) -> StreamConsumer:
        return Shaky(self)


async def test_k08_failures_of_the_consumer_are_made_good(
    engine: Engine, broker: MemoryBroker, caplog: pytest.LogCaptureFixture
):
    """K08"""
    trigger = Shakes(broker, 1, failures=2)
    engine.add("a", trigger)
    await engine.until(lambda: len(trigger.starts) == 3)
    broker.publish("orders", 1)
    await engine.until(lambda: engine.asked() == {"a": 1})
    engine.store("a")
    await engine.until(lambda: trigger.closed == 3)
    assert "1 of 3 in a row" in caplog.text


async def test_k08_a_consumer_that_goes_on_failing_fails_the_waits(engine: Engine, broker: MemoryBroker):
    """K08"""
    trigger = Shakes(broker, 1, failures=5)
    engine.add("a", trigger)
    await engine.until(lambda: bool(engine.failed()))
    assert engine.failed() == {"a": "ConnectionError: the broker is gone"}
    assert len(trigger.starts) == 3
    await engine.until(lambda: len(engine.pool.streams) == 0)
    assert trigger.closed == 3


async def test_k18_no_second_event_for_what_was_stored_and_not_acknowledged(engine: Engine, broker: MemoryBroker):
    """K18: the broker delivers it again, since its acknowledgement was lost."""
    trigger = Shakes(broker, 99, refuses=[1])
    engine.add("stays", trigger)
    engine.add("a", Order(broker, 1))
    await engine.until(lambda: broker.opened("orders") == 1)
    broker.publish("orders", 1)
    await engine.until(lambda: engine.asked() == {"a": 1})
    engine.store("a")
    await engine.until(lambda: values(broker.acknowledged("orders")) == [1])
    assert trigger.starts[1] == ((0,), None), "read again from where nothing was acknowledged"
    assert len([one for one in engine.told if isinstance(one, TriggerEnded)]) == 1


async def test_k18_an_event_on_its_way_to_the_store_outlives_its_consumer(engine: Engine, broker: MemoryBroker):
    """K18"""
    trigger = Shakes(broker, 99)
    engine.add("stays", trigger)
    engine.add("a", Order(broker, 1))
    engine.add("old", Order(broker, 2))
    await engine.until(lambda: broker.opened("orders") == 1)
    broker.publish("orders", 1)
    await engine.until(lambda: engine.asked() == {"a": 1})
    engine.add("older", Order(broker, 3), armed_at=0.0)  # has it read again
    await engine.until(lambda: broker.opened("orders") == 2)
    broker.publish("orders", 2)
    await engine.until(lambda: engine.asked() == {"a": 1, "old": 2})
    assert broker.acknowledged("orders") == []
    engine.store("a", "old")
    await engine.until(lambda: values(broker.acknowledged("orders")) == [1, 2])


async def test_k18_an_event_that_was_refused_has_its_message_read_again(engine: Engine, broker: MemoryBroker):
    """K18: another engine may have that wait by now, and not seen the message yet."""
    engine.add("a", Order(broker, 1))
    engine.add("stays", Order(broker, 99))
    await engine.until(lambda: broker.opened("orders") == 1)
    broker.publish("orders", 1)
    broker.publish("orders", 2)
    await engine.until(lambda: bool(engine.asked()))
    engine.pool.on_stored(EventsStored(refused=("a",)))
    await engine.settle()
    assert broker.acknowledged("orders") == []
    engine.pool.drop("a", tell=False)
    await engine.until(lambda: values(broker.acknowledged("orders")) == [1, 2])
    assert broker.opened("orders") == 2


# --- exclusive streams -----------------------------------------------------------------------------------------


async def test_a_message_of_an_exclusive_stream_is_for_one_wait(engine: Engine, broker: MemoryBroker):
    for name in ("a", "b", "c"):
        engine.add(name, Job(broker))
    await engine.until(lambda: broker.opened("orders") == 1)
    broker.publish("orders", 1)
    broker.publish("orders", 2)
    await engine.until(lambda: len(engine.asked()) == 2)
    assert engine.asked() == {"a": 1, "b": 2}
    engine.store("b")
    await engine.settle()
    assert broker.acknowledged("orders") == []
    engine.store("a")
    await engine.until(lambda: values(broker.acknowledged("orders")) == [1, 2])


async def test_k18_a_message_that_was_taken_before_is_acknowledged_and_the_wait_goes_on(
    engine: Engine, broker: MemoryBroker
):
    """K18: stored, crashed before it was acknowledged, delivered again to the next engine."""
    engine.add("a", Job(broker))
    await engine.until(lambda: broker.opened("orders") == 1)
    broker.publish("orders", 1)
    await engine.until(lambda: engine.asked() == {"a": 1})
    broker.publish("orders", 2)
    await engine.settle()
    engine.pool.on_stored(EventsStored(duplicates=("a",)))
    await engine.until(lambda: values(broker.acknowledged("orders")) == [1])
    assert engine.asked() == {"a": 2}


async def test_a_message_whose_wait_is_over_goes_to_the_next(engine: Engine, broker: MemoryBroker):
    engine.add("a", Job(broker))
    engine.add("b", Job(broker))
    await engine.until(lambda: broker.opened("orders") == 1)
    broker.publish("orders", 1)
    await engine.until(lambda: engine.asked() == {"a": 1})
    engine.pool.on_stored(EventsStored(refused=("a",)))
    assert engine.asked() == {"a": 1, "b": 1}
    engine.store("b")
    await engine.until(lambda: values(broker.acknowledged("orders")) == [1])


async def test_what_nobody_wants_goes_back_to_the_queue(engine: Engine, broker: MemoryBroker):
    class Choosy(Job):
        def match(self, message: StreamMessage) -> TriggerEvent | None:
            return TriggerEvent(message.value) if message.value == self.order else None

    engine.add("a", Choosy(broker, 2))
    await engine.until(lambda: broker.opened("orders") == 1)
    broker.publish("orders", 1)
    broker.publish("orders", 2)
    await engine.until(lambda: engine.asked() == {"a": 2})
    engine.store("a")
    await engine.until(lambda: len(engine.pool.streams) == 0)
    assert values(broker.acknowledged("orders")) == [2]
    engine.add("later", Choosy(broker, 1))
    await engine.until(lambda: engine.asked() == {"a": 2, "later": 1})


# --- checkpoints ---------------------------------------------------------------------------------------------


def checkpoint(position: Any, covers: dt.datetime) -> Checkpoint:
    return Checkpoint(encode(position, what="a position"), covers.timestamp(), covers.timestamp())


async def test_a_restarted_trigger_goes_on_where_its_stream_was_read(engine: Engine, broker: MemoryBroker):
    for number in range(5):
        broker.publish("orders", number, timestamp=LONG_AGO)
    trigger = Shakes(broker, 3)
    engine.add("a", trigger, armed_at=LONG_AGO.timestamp() - 9, checkpoint=checkpoint(2, LONG_AGO))
    await engine.until(lambda: engine.asked() == {"a": 3})
    assert trigger.starts == [((2,), None)]


async def test_a_wait_that_the_checkpoint_does_not_cover_begins_at_its_moment(engine: Engine, broker: MemoryBroker):
    for number in range(5):
        broker.publish("orders", number, timestamp=LONG_AGO + dt.timedelta(seconds=number))
    known = checkpoint(4, LONG_AGO)
    began = LONG_AGO + dt.timedelta(seconds=1)
    trigger = Shakes(broker, 99)
    engine.add("covered", trigger, armed_at=LONG_AGO.timestamp() - 9, checkpoint=known)
    engine.add("not covered", Order(broker, 1), armed_at=began.timestamp(), checkpoint=known)
    await engine.until(lambda: engine.asked() == {"not covered": 1})
    assert trigger.starts == [((4,), began)]


async def test_those_of_a_group_that_come_later_go_on_at_the_same_checkpoint(engine: Engine, broker: MemoryBroker):
    """A large group is claimed in several steps."""
    for number in range(5):
        broker.publish("orders", number, timestamp=LONG_AGO)
    known = checkpoint(2, LONG_AGO)
    engine.add("a", Order(broker, 4), armed_at=LONG_AGO.timestamp() - 9, checkpoint=known)
    await engine.until(lambda: engine.asked() == {"a": 4})
    engine.add("b", Order(broker, 2), armed_at=LONG_AGO.timestamp() - 9, checkpoint=known)
    await engine.until(lambda: engine.asked() == {"a": 4, "b": 2})
    assert broker.opened("orders") == 1


async def test_how_far_a_stream_was_read_is_saved_for_those_who_were_there(
    engine: Engine, broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bide.runner.shared_stream.SAVE_AFTER", 0.02)
    before = dt.datetime.now(dt.UTC).timestamp()
    engine.add("a", Order(broker, 99), armed_at=before - 60)
    engine.add("young", Order(broker, 98), armed_at=before + 60)
    await engine.until(lambda: broker.opened("orders") == 1)
    broker.publish("orders", 1)
    broker.publish("orders", 2)
    await engine.until(lambda: bool(engine.checkpoints()))
    (saved,) = engine.checkpoints()
    assert (saved.name, decode(saved.value), saved.members) == ("group of orders", 2, 1)
    assert before - 0.02 <= saved.covers < dt.datetime.now(dt.UTC).timestamp()


async def test_k18_what_is_not_stored_yet_lies_behind_the_checkpoint(
    engine: Engine, broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
):
    """K18"""
    monkeypatch.setattr("bide.runner.shared_stream.SAVE_AFTER", 0.02)
    began = dt.datetime.now(dt.UTC).timestamp() - 60
    engine.add("a", Order(broker, 2), armed_at=began)
    engine.add("stays", Order(broker, 99), armed_at=began)
    await engine.until(lambda: broker.opened("orders") == 1)
    for number in (1, 2, 3):
        broker.publish("orders", number)
    await engine.until(lambda: bool(engine.checkpoints()))
    assert decode(engine.checkpoints()[0].value) == 1
    engine.store("a")
    await engine.until(lambda: len(engine.checkpoints()) == 2)
    assert decode(engine.checkpoints()[1].value) == 3


# --- ends ------------------------------------------------------------------------------------------------------


async def test_dropping_all_closes_the_consumer(engine: Engine, broker: MemoryBroker):
    trigger = Shakes(broker, 1)
    engine.add("a", trigger)
    engine.add("b", Order(broker, 2))
    await engine.until(lambda: len(trigger.starts) == 1)
    for name in ("a", "b"):
        over = engine.pool.drop(name, tell=True)
        assert over is not None
        await asyncio.wait_for(over.wait(), 10)
    await engine.until(lambda: trigger.closed == 1 and len(engine.pool.streams) == 0)


async def test_a_wait_without_a_share_key_has_a_consumer_of_its_own(engine: Engine, broker: MemoryBroker):
    engine.add("a", Order(broker, 1, share_key=None))
    engine.add("b", Order(broker, 1, share_key=None))
    await engine.until(lambda: broker.opened("orders") == 2)
    broker.publish("orders", 1)
    await engine.until(lambda: engine.asked() == {"a": 1, "b": 1})


async def test_run_reads_by_itself_where_no_engine_does(broker: MemoryBroker):
    """P046"""
    broker.publish("orders", 0, timestamp=LONG_AGO)
    broker.publish("orders", 1, timestamp=LONG_AGO)
    found = [event async for event in Order(broker, 1, since=LONG_AGO).run()]
    assert found == [TriggerEvent(1)]
    assert values(broker.acknowledged("orders")) == [0, 1]
