"""Triggers whose events are about something outside, rather than about one task."""

from __future__ import annotations

from bide.authoring.trigger import BaseTrigger


class BaseEventTrigger(BaseTrigger):
    """The base of triggers that may watch a thing outside for as long as it is there, such as a queue.

    Tasks wait for them as for any trigger, and go on with their first event. While it watches, ``run()`` goes on
    after an event when that is stored. It may yield a list of events, as many as it has at hand: those are stored
    together, which for a busy queue is many times faster than one by one.
    """
