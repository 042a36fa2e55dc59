"""Triggers outside of any runner: their kinds, and ``async for`` over ``run()``."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bide.authoring.trigger import (
    BaseTrigger,
    PollTrigger,
    TaskFailedEvent,
    TaskFailureEvent,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TimerTrigger,
    TriggerEvent,
    WaitingTask,
    look,
    trigger_kind,
)


class At(TimerTrigger):
    """Fires at a moment."""

    def __init__(self, moment: dt.datetime) -> None:
        super().__init__()
        self.moment = moment

    @property
    def due_at(self) -> dt.datetime:
        return self.moment

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return ("tests.At", {"moment": self.moment})


class Counting(PollTrigger):
    """Fires at the third look."""

    interval = 0.0

    def __init__(self) -> None:
        self.looks = 0
        self.threads: set[int] = set()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return ("tests.Counting", {})

    def poll(self) -> Any:
        self.looks += 1
        self.threads.add(threading.get_ident())
        return TriggerEvent({"looks": self.looks}) if self.looks == 3 else None


class CountingAsync(Counting):
    """The same, with an async poll."""

    async def poll(self) -> Any:
        return Counting.poll(self)


class Stream(BaseTrigger):
    """As people write them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return ("tests.Stream", {})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(0)
        yield TriggerEvent("first")
        yield TriggerEvent("second")


class StreamingTimer(At):
    """A timer that runs itself is a stream."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent(1)


class StreamingPoll(Counting):
    """A poll that runs itself is a stream."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent(1)


async def events_of(trigger: BaseTrigger) -> list[TriggerEvent]:
    return [event async for event in trigger.run()]


@pytest.mark.parametrize(
    ("cls", "kind"),
    [
        (At, "timer"),
        (Counting, "poll"),
        (CountingAsync, "poll"),
        (Stream, "stream"),
        (StreamingTimer, "stream"),
        (StreamingPoll, "stream"),
    ],
)
def test_kinds(cls: type[BaseTrigger], kind: str) -> None:
    assert trigger_kind(cls) == kind


async def test_a_stream_is_iterated_directly() -> None:
    assert await events_of(Stream()) == [TriggerEvent("first"), TriggerEvent("second")]


async def test_a_timer_of_the_past_fires_at_once() -> None:
    moment = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    assert await events_of(At(moment)) == [TriggerEvent(moment)]


async def test_a_timer_of_the_runtime_waits_for_the_runtimes_clock(runtime: Any) -> None:
    moment = runtime.time + dt.timedelta(hours=1)
    runtime.time = moment
    assert await events_of(At(moment)) == [TriggerEvent(moment)]


async def test_a_plain_poll_runs_in_a_thread() -> None:
    trigger = Counting()
    assert await events_of(trigger) == [TriggerEvent({"looks": 3})]
    assert threading.get_ident() not in trigger.threads


async def test_an_async_poll_runs_in_the_loop() -> None:
    trigger = CountingAsync()
    assert await events_of(trigger) == [TriggerEvent({"looks": 3})]
    assert trigger.threads == {threading.get_ident()}


async def test_a_poll_that_returns_something_else_is_told() -> None:
    class Wrong(Counting):
        def poll(self) -> Any:
            return True

    with pytest.raises(TypeError, match=r"Wrong.poll\(\) must return a TriggerEvent or None, not True"):
        await look(Wrong())


async def test_cleanup_and_on_kill_do_nothing_unless_written() -> None:
    assert await Stream().cleanup() is None
    assert await Stream().on_kill() is None


def test_a_trigger_without_run_or_serialize_cannot_be_made() -> None:
    class Half(BaseTrigger):
        def serialize(self) -> tuple[str, dict[str, Any]]:
            return ("x", {})

    with pytest.raises(TypeError, match="run"):
        Half()  # type: ignore[abstract]


def test_describe_holds_no_argument() -> None:
    assert Stream().describe() == "Stream"
    assert At(dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC)).describe() == "until 2026-01-02 03:00:00 UTC"
    assert repr(Stream()) == "<Stream: Stream>"


def test_events_are_equal_by_content_and_kind() -> None:
    assert TriggerEvent(1) == TriggerEvent(1) != TriggerEvent(2)
    assert TriggerEvent(1, key="a") != TriggerEvent(1)
    assert TriggerEvent("success") != TaskSuccessEvent()
    assert repr(TriggerEvent({"a": 1})) == "TriggerEvent<{'a': 1}>"
    assert TriggerEvent().payload is None


def test_ending_events() -> None:
    assert TaskFailureEvent is TaskFailedEvent
    assert TaskSuccessEvent(xcoms={"k": 1}).xcoms == {"k": 1}
    states = [cls().task_instance_state for cls in (TaskSuccessEvent, TaskFailedEvent, TaskSkippedEvent)]
    assert states == ["success", "failed", "skipped"]
    assert TaskSkippedEvent().payload == "skipped" and TaskSkippedEvent().xcoms is None


def test_the_waiting_task_is_there_even_if_init_forgets_its_base() -> None:
    trigger = Counting()
    assert trigger.task_instance is None
    trigger.task_instance = WaitingTask("d", "r", "t")
    assert trigger.task_instance.map_index == -1
    assert trigger.log.name.endswith("test_trigger_base.Counting")
