"""Waiting for messages of a Kafka topic: one consumer for all tasks that wait, in the process of the triggers."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor

from kafka import KafkaConsumer, TopicPartition

from bide import StreamConsumer, StreamMessage, StreamTrigger, TriggerEvent


class Topic(StreamConsumer):
    """Reads all partitions of a topic, without a group: what Bide has stored says where to go on."""

    def __init__(self, brokers, topic):
        self._brokers, self._topic = brokers, topic
        # The client blocks, and may be used by one thread only.
        self._thread = ThreadPoolExecutor(1)
        self._next = {}

    async def open(self, positions, since):
        await self._do(self._open, positions, since)

    def _open(self, positions, since):
        self._consumer = KafkaConsumer(bootstrap_servers=self._brokers, enable_auto_commit=False)
        partitions = [TopicPartition(self._topic, it) for it in self._consumer.partitions_for_topic(self._topic)]
        self._consumer.assign(partitions)
        moments = {} if since is None else dict.fromkeys(partitions, int(since.timestamp() * 1000))
        found = self._consumer.offsets_for_times(moments) if moments else {}
        for partition in partitions:
            begins = [position.get(partition.partition, 0) for position in positions]
            if since is not None:
                # A partition without a younger message is read from its beginning: what is older does not count.
                begins.append(found[partition].offset if found.get(partition) else 0)
            self._next[partition.partition] = min(begins)
            self._consumer.seek(partition, min(begins))

    async def receive(self):
        while True:
            polled = await self._do(self._consumer.poll, 500)
            if polled:
                return [self._message(one) for records in polled.values() for one in records]

    def _message(self, one):
        written = dt.datetime.fromtimestamp(one.timestamp / 1000, dt.UTC)
        return StreamMessage(json.loads(one.value), f"{one.topic}/{one.partition}/{one.offset}", written, one)

    async def acknowledge(self, messages):
        for message in messages:
            self._next[message.raw.partition] = message.raw.offset + 1

    def position(self):
        return dict(self._next)

    async def close(self):
        await self._do(self._close)
        self._thread.shutdown(wait=False)

    def _close(self):
        if hasattr(self, "_consumer"):
            self._consumer.close()

    async def _do(self, function, *args):
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)


class Answer(StreamTrigger):
    """Fires with the answer to one job: {"job_id", "status"}. All tasks share one consumer."""

    def __init__(self, brokers, topic, job_id, since):
        super().__init__()
        self.brokers, self.topic, self.job_id, self.since = brokers, topic, job_id, since
        self.share_key = (brokers, topic)

    def serialize(self):
        names = ("brokers", "topic", "job_id", "since")
        return "answers.Answer", {name: getattr(self, name) for name in names}

    def consumer(self):
        return Topic(self.brokers, self.topic)

    def match(self, message):
        return TriggerEvent(message.value) if message.value.get("job_id") == self.job_id else None

    def describe(self):
        return f"answer to job {self.job_id}"
