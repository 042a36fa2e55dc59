"""What people call on messages."""

import json

from airflow.providers.apache.kafka.triggers.shared_stream import KafkaSharedStreamTrigger

from airflow.triggers.base import TriggerEvent


class OnlyTwo(KafkaSharedStreamTrigger):
    """Shares the consumer of its topics, and has events by some of the messages."""

    def serialize(self):
        return "message_functions.OnlyTwo", super().serialize()[1]

    async def filter_shared_stream(self, shared_stream):
        async for value in shared_stream:
            if value.startswith(b"two"):
                yield TriggerEvent(value.decode())


def produce(day, count):
    """Messages of one day, as (key, value)."""
    for number in range(count):
        yield json.dumps(number), json.dumps({"day": day, "number": number})


def keep(message):
    """Results of a consumer."""
    return json.loads(message.value())["number"]


def is_number(message, number):
    """The message, if it is the one that is waited for."""
    found = json.loads(message.value())
    return found if found["number"] == number else None
