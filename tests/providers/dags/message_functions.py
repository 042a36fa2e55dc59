"""What people call on messages."""

import json


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
