"""What engine and trigger runners say of streams."""

from __future__ import annotations

import msgspec

from bide.wire.message import Message


class MessageKey(msgspec.Struct, frozen=True, array_like=True):
    """A message that is for one wait only: which one of which stream."""

    stream: str
    #: SHA-256 of its key, in hex.
    key: str


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a stream was read."""

    #: Encoded.
    value: bytes
    #: Waits that began at this moment or before have been offered all that lies before it.
    covers: float
    saved_at: float


class SaveCheckpoint(Message, frozen=True):
    """Trigger runner → engine (reply, if one is asked for: Ok or Refused): store how far a stream was read.

    Refused unless there are exactly `members` waits of that `name` that began at `covers` or before, all of them
    leased to this engine: only then do all know of what lies before it.
    """

    #: A group of waits, or one wait.
    name: str
    #: Encoded.
    value: bytes
    covers: float
    members: int


class EventsStored(Message, frozen=True):
    """Engine → trigger runner: what became of events for which it asked, by wait id."""

    accepted: tuple[str, ...] = ()
    #: Their wait is over, or no longer leased to this engine.
    refused: tuple[str, ...] = ()
    #: Another wait has had that message; they go on waiting.
    duplicates: tuple[str, ...] = ()
    #: The event is stored, now or before, and the trigger goes on.
    going_on: tuple[str, ...] = ()
