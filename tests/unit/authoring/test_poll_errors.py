"""Looks that raise: some in a row are made good, one too many ends the wait."""

import pytest

from bide.authoring.trigger import PollTrigger, TriggerEvent


class Scripted(PollTrigger):
    interval = 0.0

    def __init__(self, *looks, max_errors=3):
        super().__init__()
        self.looks = list(looks)
        self.max_errors = max_errors

    def serialize(self):
        return "x.Scripted", {}

    async def poll(self):
        found = self.looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


async def first_event(trigger):
    return await anext(trigger.run())


async def test_errors_in_a_row_are_counted_anew_after_a_good_look():
    bad = OSError("gone")
    trigger = Scripted(bad, bad, None, bad, bad, TriggerEvent(1))
    assert await first_event(trigger) == TriggerEvent(1)


async def test_the_last_error_is_raised():
    trigger = Scripted(OSError("1"), OSError("2"), OSError("3"), TriggerEvent(1))
    with pytest.raises(OSError, match="3"):
        await first_event(trigger)


async def test_a_trigger_may_allow_none():
    with pytest.raises(OSError):
        await first_event(Scripted(OSError(), TriggerEvent(1), max_errors=1))
