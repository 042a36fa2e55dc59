"""Operators and triggers of the benchmark DAGs; the same file serves Bide and Airflow, found by PYTHONPATH.

Moments are noted by appending a JSON line to the file $BENCH_MARKS: that takes some 20 µs and goes through
nothing of the system that is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

try:
    from bide import PollTrigger
except ImportError:
    PollTrigger = None

#: Seconds between two looks of a held poll.
INTERVAL = 10.0


def mark(kind, **values):
    """Append one line with `values` and what kind of moment it was."""
    line = json.dumps({"kind": kind, **values}) + "\n"
    file = os.open(os.environ["BENCH_MARKS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def noop():
    """The least that a task can do."""


def noop_with(number):
    """The same, with an argument."""


def noop_marked(ti):
    """The least that can be seen: when it began and when it ended."""
    begun = time.time()
    mark("task", run_id=ti.run_id, task_id=ti.task_id, begun=begun, ended=time.time())


class ImmediateTrigger(BaseTrigger):
    """Fires at once."""

    def __init__(self, deferred_at):
        super().__init__()
        self.deferred_at = deferred_at

    def serialize(self):
        return "bench_tasks.ImmediateTrigger", {"deferred_at": self.deferred_at}

    async def run(self):
        yield TriggerEvent({"deferred_at": self.deferred_at, "fired_at": time.time()})


class DeferOnce(BaseOperator):
    """From the line before ``defer()`` to the first line of the resumed method is a round trip."""

    def execute(self, context):
        self.defer(trigger=ImmediateTrigger(deferred_at=time.time()), method_name="resumed")

    def resumed(self, context, event):
        resumed_at = time.time()
        ti = context["ti"]
        mark("round trip", run_id=ti.run_id, task_id=ti.task_id, resumed_at=resumed_at, **event)


class WaitUntil(BaseOperator):
    """Waits for the moment ``conf["moment"]`` (Unix seconds); its trigger ends it without a worker."""

    def execute(self, context):
        moment = datetime.fromtimestamp(context["dag_run"].conf["moment"], tz=UTC)
        self.defer(trigger=DateTimeTrigger(moment=moment, end_from_trigger=True), method_name="unreached")

    def unreached(self, context, event):
        raise RuntimeError("the trigger should have ended this task")


class FlagStream(BaseTrigger):
    """Looks for a file every ten seconds, as a coroutine."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def serialize(self):
        return "bench_tasks.FlagStream", {"path": self.path}

    async def run(self):
        while not Path(self.path).exists():  # what is measured here is the waiting
            await asyncio.sleep(INTERVAL)
        yield TaskSuccessEvent()


if PollTrigger is not None:

    class FlagPoll(PollTrigger):
        """The same as a poll of Bide."""

        interval = INTERVAL

        def __init__(self, path):
            super().__init__()
            self.path = path

        def serialize(self):
            return "bench_tasks.FlagPoll", {"path": self.path}

        async def poll(self):
            return TaskSuccessEvent() if Path(self.path).exists() else None  # as above


class WaitForFlag(BaseOperator):
    """Waits for the file ``conf["flag"]``; its trigger ends it without a worker."""

    def execute(self, context):
        trigger = FlagStream if PollTrigger is None else FlagPoll
        self.defer(trigger=trigger(context["dag_run"].conf["flag"]), method_name="unreached")

    def unreached(self, context, event):
        raise RuntimeError("the trigger should have ended this task")


class SleepingStream(BaseTrigger):
    """A coroutine that sleeps for a day, as Airflow's triggers do."""

    def serialize(self):
        return "bench_tasks.SleepingStream", {}

    async def run(self):
        await asyncio.sleep(86400)
        yield TaskSuccessEvent()


class WaitForTurn(BaseOperator):
    """Waits until `turn` seconds after ``conf["moment"]`` and is resumed in a worker."""

    def __init__(self, *, turn=0.0, **kwargs):
        super().__init__(**kwargs)
        self.turn = turn

    def execute(self, context):
        moment = context["dag_run"].conf["moment"] + self.turn
        self.defer(trigger=DateTimeTrigger(moment=datetime.fromtimestamp(moment, tz=UTC)), method_name="resumed")

    def resumed(self, context, event):
        resumed_at = time.time()
        moment = context["dag_run"].conf["moment"] + self.turn
        mark("turn", run_id=context["ti"].run_id, moment=moment, resumed_at=resumed_at)


class Sleep(BaseOperator):
    """Waits in a coroutine that sleeps."""

    def execute(self, context):
        self.defer(trigger=SleepingStream(), method_name="unreached")

    def unreached(self, context, event):
        raise RuntimeError("nobody waits for a day")


def nap():
    """Keeps a worker for a tenth of a second."""
    time.sleep(0.1)


if PollTrigger is not None:

    class ImmediatePoll(PollTrigger):
        """Its first look finds what it is for."""

        def __init__(self, deferred_at):
            super().__init__()
            self.deferred_at = deferred_at

        def serialize(self):
            return "bench_tasks.ImmediatePoll", {"deferred_at": self.deferred_at}

        async def poll(self):
            return TriggerEvent({"deferred_at": self.deferred_at, "fired_at": time.time()})

    class SlowPoll(PollTrigger):
        """A trivial look every minute."""

        interval = 60.0

        def serialize(self):
            return "bench_tasks.SlowPoll", {}

        async def poll(self):
            return None

    class WaitSlowly(BaseOperator):
        """Waits with a poll that looks every minute and finds nothing."""

        def execute(self, context):
            self.defer(trigger=SlowPoll(), method_name="unreached")

        def unreached(self, context, event):
            raise RuntimeError("there was nothing to find")


class DeferByKind(BaseOperator):
    """:class:`DeferOnce` with a wait of the kind that is asked for: timer, poll or stream."""

    def __init__(self, *, kind, **kwargs):
        super().__init__(**kwargs)
        self.kind = kind

    def execute(self, context):
        now = time.time()
        if self.kind == "timer":
            trigger = DateTimeTrigger(moment=datetime.fromtimestamp(now, tz=UTC))
        else:
            trigger = (ImmediatePoll if self.kind == "poll" else ImmediateTrigger)(deferred_at=now)
        self.defer(trigger=trigger, method_name="resumed", kwargs={"deferred_at": now})

    def resumed(self, context, deferred_at, event):
        resumed_at = time.time()
        ti = context["ti"]
        mark("round trip", run_id=ti.run_id, task_id=ti.task_id, resumed_at=resumed_at, deferred_at=deferred_at)
