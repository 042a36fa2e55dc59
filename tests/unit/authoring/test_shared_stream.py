"""Streams that triggers of packages share: each filter sees each message, and what is done with is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Any, NamedTuple

import pytest

from bide import BaseEventTrigger, TriggerEvent
from bide.authoring.shared_stream import (
    AdvanceItem,
    AdvanceOutcome,
    PackageStream,
    SharedStreamProducer,
    as_stream,
    reject_shared_stream_event,
)
from bide.authoring.stream import StreamMessage, shares_consumer
from bide.authoring.trigger import BaseTrigger
from bide.model.errors import InvalidArgument, TriggerFailure
from bide.runner.wait_groups import shared_stream_group


class Place(NamedTuple):
    topic: str
    partition: int
    offset: int


class Producer(SharedStreamProducer):
    """Two messages of one partition, and one of another."""

    def __init__(self) -> None:
        self.advanced: list[Sequence[AdvanceItem]] = []
        self.is_closed = False

    async def open_stream(self) -> AsyncIterator[tuple[Any, Any]]:
        for place in (Place("orders", 0, 7), Place("orders", 1, 3), Place("orders", 0, 8)):
            yield f"{place.partition}/{place.offset}".encode(), place

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        self.advanced.append(batch)

    def get_advance_lane(self, broker_payload: Place) -> Hashable:
        return broker_payload.partition

    async def aclose(self) -> None:
        self.is_closed = True


class All(BaseEventTrigger):
    """Has an event by every message."""

    made: Producer

    def serialize(self) -> Any:
        return "x.All", {"topics": ["orders"]}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        raise NotImplementedError
        yield TriggerEvent()

    def shared_stream_key(self) -> Hashable:
        return ("shared", "orders")

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        assert kwargs == {"topics": ["orders"]}
        All.made = Producer()
        return All.made

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        async for value in shared_stream:
            yield TriggerEvent(value)


class Some(All):
    """Counts, refuses the third, and says when it is over."""

    over = False

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        seen = 0
        try:
            async for value in shared_stream:
                seen += 1
                if seen == 2:
                    yield TriggerEvent((seen, value))
                elif seen == 3:
                    reject_shared_stream_event()
        finally:
            self.over = True


class Twice(All):
    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        async for value in shared_stream:
            yield TriggerEvent(value)
            yield TriggerEvent(value)


class Sleeps(All):
    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        async for value in shared_stream:
            await asyncio.sleep(0)
            yield TriggerEvent(value)


class Ends(All):
    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        async for value in shared_stream:
            yield TriggerEvent(value)
            return


class Plain(All):
    """A stream of which nothing has to be acknowledged."""

    create_shared_stream_producer = BaseEventTrigger.create_shared_stream_producer  # type: ignore[assignment]

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        yield "first"


class Alone(BaseEventTrigger):
    def serialize(self) -> Any: ...

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent()


def stream(trigger: BaseTrigger) -> PackageStream:
    found = as_stream(trigger)
    assert isinstance(found, PackageStream) and shares_consumer(found)
    return found


async def messages(trigger: PackageStream) -> tuple[Any, list[StreamMessage]]:
    """Its consumer, and what that receives until it ends."""
    consumer = trigger.consumer()
    await consumer.open((), None)
    found: list[StreamMessage] = []
    with pytest.raises(TriggerFailure, match="has ended"):
        while True:
            found += await consumer.receive()
    return consumer, found


async def test_each_filter_sees_each_message_once() -> None:
    every, some = stream(All()), stream(Some())
    _, found = await messages(every)
    assert [every.match(one) for one in found] == [TriggerEvent(one.value) for one in found]
    for _ in range(2):
        assert [some.match(one) for one in found] == [None, TriggerEvent((2, b"1/3")), None]
    await some.cleanup()
    assert some.trigger.over  # type: ignore[attr-defined]


async def test_the_producer_hears_what_is_done_with_lane_by_lane() -> None:
    trigger = stream(Some())
    consumer, found = await messages(trigger)
    for one in found:
        trigger.match(one)
    await consumer.acknowledge(found)
    done = AdvanceOutcome(acked=1, failed=0)
    refused = AdvanceOutcome(acked=0, failed=0, rejected=1)
    assert All.made.advanced == [
        [AdvanceItem(Place("orders", 0, 7), done), AdvanceItem(Place("orders", 0, 8), refused)],
        [AdvanceItem(Place("orders", 1, 3), done)],
    ]
    assert (done.is_clean, refused.is_clean) == (True, False)
    await consumer.close()
    assert All.made.is_closed


async def test_a_message_of_kafka_is_known_when_it_comes_again() -> None:
    first, second = [await messages(stream(All())) for _ in range(2)]
    assert [one.key for one in first[1]] == [one.key for one in second[1]]
    assert len({one.key for one in first[1]}) == 3


async def test_a_stream_without_a_producer_acknowledges_nothing() -> None:
    consumer, found = await messages(stream(Plain()))
    await consumer.acknowledge(found)
    assert [one.value for one in found] == ["first"]


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        (Twice, InvalidArgument, "has 2 events for one message"),
        (Sleeps, InvalidArgument, "awaits something else than its next message"),
        (Ends, TriggerFailure, "has ended"),
    ],
)
async def test_what_a_filter_can_not_do_is_said(kind: type[All], error: type[Exception], words: str) -> None:
    trigger = stream(kind())
    _, found = await messages(trigger)
    with pytest.raises(error, match=words):
        for one in found:
            trigger.match(one)
    await trigger.cleanup()


def test_a_group_has_all_classes_with_that_key() -> None:
    assert shared_stream_group(All(), "default") == shared_stream_group(Some(), "default")
    assert shared_stream_group(All(), "default") != shared_stream_group(All(), "other")
    assert shared_stream_group(Alone(), "default") is None
    assert not isinstance(as_stream(Alone()), PackageStream)


def test_a_refusal_of_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        reject_shared_stream_event()
    assert "where no message is being filtered" in caplog.text
