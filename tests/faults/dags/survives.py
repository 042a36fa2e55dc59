"""A run that waits in every way. Each segment of each task leaves lines in the ledger: its begin, its end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from datetime import timedelta
from pathlib import Path

from bide import DAG, BaseOperator, BaseTrigger, PollTrigger, TimeDeltaTrigger, TriggerEvent


def note(context, segment, mark):
    """One line, written at once: task, segment, begin or end, moment, process."""
    line = f"{context['ti'].task_id} {segment} {mark} {time.time():.6f} {os.getpid()}\n"
    ledger = os.open(context["dag_run"].conf["ledger"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(ledger, line.encode())
    finally:
        os.close(ledger)


class Shortly(BaseTrigger):
    """A stream with one event."""

    def __init__(self, name):
        self.name = name

    def serialize(self):
        return f"{type(self).__module__}.{type(self).__qualname__}", {"name": self.name}

    async def run(self):
        await asyncio.sleep(0.05)
        yield TriggerEvent(f"event of {self.name}")


class SecondLook(PollTrigger):
    """A poll that has something at its second look, if the file `gate` is there or there is no gate."""

    interval = 0.05

    def __init__(self, name, gate=None):
        self.name = name
        self.gate = gate
        self.looks = 0

    def serialize(self):
        return f"{type(self).__module__}.{type(self).__qualname__}", {"name": self.name, "gate": self.gate}

    def poll(self):
        self.looks += 1
        is_open = self.gate is None or Path(self.gate).exists()
        return TriggerEvent(f"event of {self.name}") if self.looks > 1 and is_open else None


class Plain(BaseOperator):
    """Does something."""

    def execute(self, context):
        note(context, "execute", "begin")
        note(context, "execute", "end")
        return self.task_id


class WithChildren(BaseOperator):
    """Starts a process and waits for it, then for the gate, and leaves a daemon behind."""

    def execute(self, context):
        note(context, "execute", "begin")
        subprocess.Popen(["sleep", "300"], start_new_session=True)
        subprocess.run(["sleep", "0.1"], check=True)
        while (gate := context["dag_run"].conf.get("gate")) and not Path(gate).exists():
            time.sleep(0.02)
        note(context, "execute", "end")
        return self.task_id


class WaitsTwice(BaseOperator):
    """Waits for a stream, then for a poll."""

    def execute(self, context):
        note(context, "execute", "begin")
        self.defer(trigger=Shortly(self.task_id), method_name="halfway")

    def halfway(self, context, event):
        note(context, "halfway", "begin")
        if event != f"event of {self.task_id}":
            raise ValueError(f"an event of somebody else: {event!r}")
        look = SecondLook(self.task_id, context["dag_run"].conf.get("gate"))
        self.defer(trigger=look, method_name="complete", kwargs={"first": event})

    def complete(self, context, first, event):
        note(context, "complete", "begin")
        if first != event:
            raise ValueError(f"an event of somebody else: {event!r}")
        note(context, "complete", "end")
        return self.task_id


class Sleeps(BaseOperator):
    """Waits for a moment."""

    def execute(self, context):
        note(context, "execute", "begin")
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=0.05)), method_name="complete")

    def complete(self, context, event):
        note(context, "complete", "begin")
        note(context, "complete", "end")
        return self.task_id


class Collects(BaseOperator):
    """Sees that every result is there."""

    def execute(self, context):
        note(context, "execute", "begin")
        found = context["ti"].xcom_pull(task_ids=["first", "twice", "twice_too", "sleeps", "child"])
        if list(found) != ["first", "twice", "twice_too", "sleeps", "child"]:
            raise ValueError(f"results are missing: {found!r}")
        note(context, "execute", "end")


with DAG("survives", schedule=None, default_args={"retries": 2, "retry_delay": timedelta(seconds=0)}):
    first = Plain(task_id="first")
    middle = [
        WaitsTwice(task_id="twice"),
        WaitsTwice(task_id="twice_too"),
        Sleeps(task_id="sleeps"),
        WithChildren(task_id="child"),
    ]
    first >> middle >> Collects(task_id="last")
