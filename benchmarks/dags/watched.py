"""A queue and a folder that are watched: the lines of a file in the home of the system, and files beside it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

from bench_tasks import mark, noop

from bide import (
    DAG,
    Asset,
    AssetWatcher,
    BaseEventTrigger,
    FileChangeTrigger,
    PythonOperator,
    StreamConsumer,
    StreamMessage,
    StreamTrigger,
    TriggerEvent,
)

HERE = Path(os.environ["BENCH_WATCHED"])


class Reader(StreamConsumer):
    """All lines that are there, read once."""

    def __init__(self, name):
        self.path = HERE / name
        self.read = self.done = 0

    async def open(self, positions, since):
        self.read = self.done = min(positions, default=0)

    async def receive(self):
        while not self.path.exists() or self.path.stat().st_size <= self.read:
            await asyncio.sleep(0.005)
        found = []
        with self.path.open("rb") as lines:
            lines.seek(self.read)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                found.append(StreamMessage(json.loads(line), str(self.read), raw=self.read + len(line)))
                self.read += len(line)
        return found

    async def acknowledge(self, messages):
        self.done = max(self.done, messages[-1].raw)

    async def pass_over(self, messages):
        await self.acknowledge(messages)

    def position(self):
        return self.done


class Lines(StreamTrigger, BaseEventTrigger):
    """Each line of a file is a message."""

    def __init__(self, name):
        super().__init__()
        self.name = self.share_key = name

    def serialize(self):
        return "watched.Lines", {"name": self.name}

    def consumer(self):
        return Reader(self.name)

    def match(self, message):
        return TriggerEvent(message.value)


def take(triggering_asset_events):
    """The last line that the run has, and when its task ran."""
    events = [event for of_one in triggering_asset_events.values() for event in of_one]
    mark("taken", written=events[-1].extra["payload"]["at"], at=time.time())


busy = Asset("busy", watchers=[AssetWatcher("lines", Lines("busy"))])
with DAG("of_busy", schedule=[busy], max_active_runs=1):
    PythonOperator(task_id="noop", python_callable=noop)

files = Asset("files", watchers=[AssetWatcher("folder", FileChangeTrigger(f"{HERE}/in/*", poke_interval=0.1))])
with DAG("of_files", schedule=[files], max_active_runs=1):
    PythonOperator(task_id="noop", python_callable=noop)

with DAG("of_paced", schedule=AssetWatcher("lines", Lines("paced")), asset_policy="each"):
    PythonOperator(task_id="take", python_callable=take)
