"""What triggers of packages acknowledge before they have their event waits until the event is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import pytest

from bide.authoring.trigger import BaseTrigger, TriggerEvent
from bide.runner.held_trigger import Held
from bide.runner.trigger_pool import TriggerPool
from bide.standard.receipts.kafka import HeldConsumer
from bide.wire.messages import InstanceKey, TriggerDropped, TriggerEnded, TriggerLoad
from bide.wire.stream_messages import EventsStored, SaveCheckpoint


class Queue:
    """The hook and the client of a queue: what was deleted, in what it was asked to delete at once."""

    def __init__(self) -> None:
        self.deleted: list[list[str]] = []

    async def get_async_conn(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        self.deleted.append([one["ReceiptHandle"] for one in Entries])
        return {"Successful": Entries}


class SqsSensorTrigger(BaseTrigger):
    """As the package's: it deletes what it has received, and yields that."""

    __module__ = "airflow.providers.amazon.aws.triggers.sqs"
    sqs_queue = "http://queue"

    def __init__(self, messages: int = 1, deletes: bool = True) -> None:
        super().__init__()
        self.messages = messages
        self.delete_message_on_reception = deletes
        self.hook = Queue()

    def serialize(self) -> Any: ...

    async def run(self) -> AsyncIterator[TriggerEvent]:
        found = [{"MessageId": f"m{number}", "ReceiptHandle": f"r{number}"} for number in range(self.messages)]
        assert not self.delete_message_on_reception
        yield TriggerEvent({"message_batch": found})
        await asyncio.Event().wait()


class Derived(SqsSensorTrigger):
    __module__ = "somebody.elses"


class Engine:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[TriggerEnded | TriggerDropped | SaveCheckpoint] = []
        self.pool = TriggerPool(asyncio.get_running_loop(), self.told.append)

    def hold(self, trigger: BaseTrigger, *, many: bool = False, in_thread: bool = False) -> None:
        load = TriggerLoad(
            "w1", 1, "stream", "x.Y", b"{}", InstanceKey("i", "d", "r", "t"), 1, "f", str(self.folder),
            str(self.folder / "log"), many=many,
        )  # fmt: skip
        self.pool.add(Held(load, trigger), in_thread=in_thread)

    async def asked(self) -> TriggerEnded:
        async with asyncio.timeout(10):
            while not self.told:
                await asyncio.sleep(0.001)
        (message,) = self.told
        assert isinstance(message, TriggerEnded) and message.asks
        return message

    async def until_gone(self) -> None:
        async with asyncio.timeout(10):
            while len(self.pool) or self.pool.closing:
                await asyncio.sleep(0.001)


@pytest.fixture
async def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


@pytest.mark.parametrize("kind", [SqsSensorTrigger, Derived])
@pytest.mark.parametrize("in_thread", [False, True])
async def test_k18_a_message_is_acknowledged_when_its_event_is_stored(
    engine: Engine, kind: type[SqsSensorTrigger], in_thread: bool
) -> None:
    trigger = kind(messages=12)
    engine.hold(trigger, in_thread=in_thread)
    assert not (await engine.asked()).on
    assert trigger.hook.deleted == []
    engine.pool.on_stored(EventsStored(accepted=("w1",)))
    await engine.until_gone()
    assert [len(one) for one in trigger.hook.deleted] == [10, 2]
    assert len(engine.told) == 1


async def test_what_is_refused_is_not_acknowledged(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    trigger = SqsSensorTrigger()
    engine.hold(trigger)
    await engine.asked()
    engine.pool.on_stored(EventsStored(refused=("w1",)))
    await engine.until_gone()
    assert "served elsewhere" in caplog.text
    assert trigger.hook.deleted == []


@pytest.mark.parametrize(("answer", "deleted"), [("accepted", [["r0"]]), ("refused", [])])
async def test_one_that_is_dropped_meanwhile_waits_for_the_answer(
    engine: Engine, answer: str, deleted: list[list[str]]
) -> None:
    trigger = SqsSensorTrigger()
    engine.hold(trigger)
    await engine.asked()
    engine.pool.drop("w1", tell=False)
    await asyncio.sleep(0)
    engine.pool.on_stored(EventsStored(**{answer: ("w1",)}))
    await engine.until_gone()
    assert trigger.hook.deleted == deleted


async def test_a_message_that_can_not_be_acknowledged_is_told(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: object, **__: object) -> Any:
        raise ConnectionError("no queue")

    monkeypatch.setattr(Queue, "delete_message_batch", fails)
    engine.hold(SqsSensorTrigger())
    await engine.asked()
    engine.pool.on_stored(EventsStored(accepted=("w1",)))
    await engine.until_gone()
    assert "may come again: ConnectionError: no queue" in caplog.text


async def test_messages_of_a_watcher_are_known_when_they_come_again(engine: Engine) -> None:
    trigger = SqsSensorTrigger(messages=2)
    engine.hold(trigger, many=True)
    asked = await engine.asked()
    assert asked.on and asked.outcome is not None and asked.outcome.key == "m0,m1"
    assert trigger.hook.deleted == []
    engine.pool.on_stored(EventsStored(going_on=("w1",)))
    async with asyncio.timeout(10):
        while not trigger.hook.deleted:
            await asyncio.sleep(0.001)
    await engine.pool.close(5)
    assert trigger.hook.deleted == [["r0", "r1"]]


async def test_one_that_deletes_nothing_is_left_alone(engine: Engine) -> None:
    trigger = SqsSensorTrigger(deletes=False)
    engine.hold(trigger)
    async with asyncio.timeout(10):
        while not engine.told:
            await asyncio.sleep(0.001)
    (message,) = engine.told
    assert isinstance(message, TriggerEnded) and not message.asks
    await engine.until_gone()
    assert trigger.hook.deleted == []


class Message:
    def __init__(self, name: str, error: str | None = None) -> None:
        self.name, self._error = name, error

    def error(self) -> str | None:
        return self._error


class Client:
    """A consumer that notes what it is told."""

    def __init__(self, *messages: Message | None) -> None:
        self.messages = list(messages)
        self.done: list[str] = []

    def poll(self, timeout: float) -> Message | None:
        return self.messages.pop(0)

    def commit(self, message: Message | None = None, *, asynchronous: bool) -> None:
        assert not asynchronous
        self.done.append(f"commit {message.name if message else 'what is stored'}")

    def store_offsets(self, message: Message) -> None:
        self.done.append(f"store {message.name}")

    def close(self) -> None:
        self.done.append("close")


def test_a_message_is_committed_when_the_next_one_is_asked_for() -> None:
    first = Message("first")
    client = Client(first, None, Message("second"))
    consumer = HeldConsumer(client, auto_commit=False)
    assert consumer.poll(1) is first
    consumer.commit(message=first, asynchronous=False)
    assert client.done == []
    assert consumer.poll(1) is None
    assert client.done == ["commit first"]
    consumer.poll(1)
    consumer.close()
    assert client.done == ["commit first", "close"], "the second one comes again"


def test_what_the_client_commits_by_itself_is_stored_as_late() -> None:
    client = Client(Message("first"), Message("wrong", error="broken"))
    consumer = HeldConsumer(client, auto_commit=True)
    consumer.poll(1)
    consumer.commit()
    assert client.done == []
    consumer.settle()
    assert client.done == ["store first", "commit what is stored"]
    consumer.poll(1)
    consumer.settle()
    assert client.done == ["store first", "commit what is stored"]
