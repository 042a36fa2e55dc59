"""What trigger runners are told of the events of their streams."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bide.control.accept_event import WaitEnding
from bide.engine.triggerer.contract import TriggerControl
from bide.engine.triggerer.persistence import persistently
from bide.wire.messages import TriggerEnded
from bide.wire.stream_messages import EventsStored, MessageKey


def ending_of(said: TriggerEnded) -> WaitEnding:
    """What the store has to be told."""
    return WaitEnding(
        said.wait_id,
        said.token,
        said.outcome,
        said.error,
        message=said.message,
        asks=said.asks,
        on=said.on,
        written_at=said.written_at,
        more=said.more,
    )


async def answer_to(
    endings: Sequence[WaitEnding], accepted: Collection[str], control: TriggerControl
) -> EventsStored:
    """What became of `endings`, of which those of the waits `accepted` were stored."""
    refused = [one for one in endings if one.wait_id not in accepted]
    # A watcher's event is refused for its lease alone.
    asked = {one.message for one in refused if one.message is not None and not one.on}
    taken: set[MessageKey] = set()
    if asked:
        taken = await persistently(lambda: control.taken(asked), "look for messages that were taken")
    return EventsStored(
        tuple(one.wait_id for one in endings if one.wait_id in accepted and not one.on),
        tuple(one.wait_id for one in refused if one.on or one.message not in taken),
        tuple(one.wait_id for one in refused if not one.on and one.message in taken),
        tuple(one.wait_id for one in endings if one.wait_id in accepted and one.on),
    )
