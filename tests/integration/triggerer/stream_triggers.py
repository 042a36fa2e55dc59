"""Triggers that share a stream, for the tests beside: copied into a DAG folder and imported by trigger runners.

The stream is the file `topic`: a message is a line. What was acknowledged is in the file `acks`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import bide.runner.shared_stream
from bide import StreamConsumer, StreamMessage, StreamTrigger, TriggerEvent

# A checkpoint is soon worth saving where tests wait for it.
bide.runner.shared_stream.SAVE_AFTER = 0.05

FOLDER = Path(__file__).parent


def note(file, text):
    with (FOLDER / file).open("a") as out:
        out.write(f"{text}\n")


def lines(file):
    path = FOLDER / file
    return path.read_text().splitlines() if path.exists() else []


class Reader(StreamConsumer):
    """The file as a log."""

    def __init__(self):
        self.next = self.done = 0

    async def open(self, positions, since):
        self.next = self.done = min(positions, default=0)
        note("opened", f"from {self.next}")

    async def receive(self):
        while self.next >= len(lines("topic")):
            await asyncio.sleep(0.01)
        found = lines("topic")[self.next :]
        messages = [
            StreamMessage(text, f"topic/{self.next + at}", raw=self.next + at) for at, text in enumerate(found)
        ]
        self.next += len(found)
        return messages

    async def acknowledge(self, messages):
        note("acknowledging", " ".join(one.value for one in messages))
        while (FOLDER / "hold").exists():
            await asyncio.sleep(0.01)
        for one in messages:
            note("acks", one.value)
        self.done = max(self.done, messages[-1].raw + 1)

    def position(self):
        return self.done


class Receiver(Reader):
    """The file as a queue: what is not acknowledged comes again."""

    async def open(self, positions, since):
        note("opened", "queue")

    async def receive(self):
        messages = await super().receive()
        done = lines("acks")
        return [one for one in messages if one.value not in done] or await self.receive()

    async def pass_over(self, messages):
        note("passed over", " ".join(one.value for one in messages))

    def position(self):
        return None


class Line(StreamTrigger):
    share_key = "topic"
    retry_pause = 0.01

    def __init__(self, text):
        self.text = text

    def serialize(self):
        return f"stream_triggers.{type(self).__name__}", {"text": self.text}

    def consumer(self):
        return Reader()

    def match(self, message):
        return TriggerEvent(message.value) if message.value == self.text else None


class AnyLine(Line):
    exclusive = True

    def consumer(self):
        return Receiver()

    def match(self, message):
        return TriggerEvent(message.value)
