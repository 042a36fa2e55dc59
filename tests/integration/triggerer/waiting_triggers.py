"""Triggers for the tests beside: this file is copied into a DAG folder and imported by trigger runners."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from bide import BaseTrigger, PollTrigger, TriggerEvent
from bide.authoring.instance import TaskInstance


class Told(BaseTrigger):
    """Notes what happens to it in the file `notes`, one word a line, each with its process id."""

    def __init__(self, notes=os.devnull, name="it"):
        self.notes = notes
        self.name = name

    def serialize(self):
        return f"waiting_triggers.{type(self).__name__}", {"notes": self.notes, "name": self.name}

    def note(self, word):
        file = os.open(self.notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, f"{self.name} {word} {os.getpid()}\n".encode())
        os.close(file)

    async def cleanup(self):
        self.note("cleanup")

    async def on_kill(self):
        self.note("on_kill")


class AtOnce(Told):
    async def run(self):
        self.note("run")
        yield TriggerEvent(self.name)


class Never(Told):
    async def run(self):
        self.note("run")
        await asyncio.Event().wait()
        yield TriggerEvent("never")


class Fails(Told):
    async def run(self):
        raise ValueError(f"no {self.name}")
        yield


class Crashes(Told):
    """Takes its process with it."""

    async def run(self):
        os.kill(os.getpid(), signal.SIGSEGV)
        await asyncio.Event().wait()
        yield


class Blocks(Told):
    """Holds up the loop for a second, then fires."""

    async def run(self):
        self.note("run")
        time.sleep(1.0)
        yield TriggerEvent(self.name)


class BlocksFor(Told):
    """Holds up its loop until there is a file, then fires."""

    async def run(self):
        self.note("run")
        while not Path(self.notes).with_name(f"go-{self.name}").exists():
            time.sleep(0.01)
        yield TriggerEvent(self.name)


class SlowToLeave(Told):
    """Cleans up only when there is a file."""

    async def run(self):
        self.note("run")
        await asyncio.Event().wait()
        yield TriggerEvent("never")

    async def cleanup(self):
        self.note("cleans")
        while not Path(self.notes).with_name("leave").exists():
            await asyncio.sleep(0.01)
        self.note("cleanup")


class Waits(Told):
    """Fires when there is a file."""

    async def run(self):
        while not Path(self.notes).with_name("go").exists():
            await asyncio.sleep(0.02)
        yield TriggerEvent(self.name)


class Pulls(Told):
    """Asks for a result of its own task, both ways, and for its state."""

    async def run(self):
        plain = self.task_instance.xcom_pull(key="k")
        awaited = await self.task_instance.async_xcom_pull(key="k")
        own = self.task_instance
        states = TaskInstance.get_task_states(own.dag_id, own.map_index, [own.task_id], run_ids=[own.run_id])
        self.note(f"{plain}-{awaited}-{states[own.run_id][own.task_id]}")
        yield TriggerEvent(plain)


class FileThere(PollTrigger):
    interval = 0.02

    def __init__(self, path):
        self.path = path

    def serialize(self):
        return "waiting_triggers.FileThere", {"path": self.path}

    def poll(self):
        return TriggerEvent(True) if Path(self.path).exists() else None


class Counts(Told):
    """Notes each number once, unless it is killed in between; fires at 3."""

    async def run(self):
        number = self.checkpoint or 0
        self.note(f"from-{number}")
        while number < 3:
            number += 1
            self.note(str(number))
            self.save_checkpoint(number)
            while number == 2 and not Path(self.notes).with_name("go").exists():
                await asyncio.sleep(0.01)
        yield TriggerEvent(number)
