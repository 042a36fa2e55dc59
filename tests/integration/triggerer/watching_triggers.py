"""Triggers that watch, for the tests beside: copied into a DAG folder and imported by trigger runners."""

from __future__ import annotations

import asyncio
import threading
import time

from stream_triggers import FOLDER, AnyLine, Line, lines, note

from bide import BaseEventTrigger, BaseHook, PollTrigger, TriggerEvent, Variable


class Watching(BaseEventTrigger):
    def __init__(self, name="it"):
        self.name = name

    def serialize(self):
        return f"watching_triggers.{type(self).__name__}", {"name": self.name}


class Queue(Watching):
    """The lines of the file `queue`, each acknowledged when its event is stored."""

    async def run(self):
        note("runs", self.name)
        while True:
            for line in lines("queue")[len(lines("acks")) :]:
                yield TriggerEvent(line, key=line)
                note("acknowledging", line)
                while (FOLDER / "hold").exists():
                    await asyncio.sleep(0.01)
                note("acks", line)
            await asyncio.sleep(0.01)

    async def cleanup(self):
        note("cleanups", self.name)


class Batches(Watching):
    """As Queue, with all lines that there are at once."""

    async def run(self):
        while True:
            found = lines("queue")[len(lines("acks")) :]
            if found:
                yield [TriggerEvent(line, key=line) for line in found]
                note("batches", len(found))
                for line in found:
                    note("acks", line)
            await asyncio.sleep(0.01)


class Once(Watching):
    """One event each time it runs."""

    async def run(self):
        while len(lines("queue")) <= len(lines("acks")):
            await asyncio.sleep(0.01)
        note("acks", "one")
        yield TriggerEvent(True)


class Slow(Once):
    """Takes its time to clean up."""

    async def run(self):
        note("turns", "begins")
        async for event in super().run():
            yield event

    async def cleanup(self):
        note("turns", "ends")
        await asyncio.sleep(0.1)
        note("turns", "is over")


class Fails(Watching):
    async def run(self):
        note("runs", self.name)
        raise OSError("no broker")
        yield


class Blocks(Watching):
    """Holds up the loop before each event."""

    async def run(self):
        for number in range(len(lines("acks")), 3):
            time.sleep(0.7)
            yield TriggerEvent(number, key=str(number))
            note("acks", f"{number} {threading.current_thread() is threading.main_thread()}")
        await asyncio.Event().wait()


class Asks(Watching):
    """Looks up a variable, and a connection."""

    async def run(self):
        yield TriggerEvent([Variable.get("topic"), (await BaseHook.aget_connection("broker")).host])
        await asyncio.Event().wait()


class Flag(Watching, PollTrigger):
    """Whether there is a file `flag`."""

    interval = 0.02

    def poll(self):
        there = (FOLDER / "flag").exists()
        note("looks", there)
        return TriggerEvent(True) if there else None


class EveryLine(Line):
    """All messages of the stream, for two kinds of watchers."""

    def serialize(self):
        return f"watching_triggers.{type(self).__name__}", {"text": self.text}

    def match(self, message):
        return TriggerEvent(message.value) if message.value.startswith(self.text) else None


class EachOnce(AnyLine):
    """A queue, each message for one watcher."""

    def serialize(self):
        return f"watching_triggers.{type(self).__name__}", {"text": self.text}
