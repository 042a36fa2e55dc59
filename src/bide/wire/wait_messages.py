"""The messages about waits: what a task is deferred for, and what ends that."""

from __future__ import annotations

from typing import Literal

import msgspec

from bide.model.journal import JournalEntry
from bide.model.questions import Question
from bide.model.watching import Watch
from bide.wire.message import Message


class Outcome(msgspec.Struct, frozen=True):
    """What a wait ended with."""

    #: ``event`` resumes the task; the others end it without a worker.
    kind: Literal["event", "success", "failed", "skipped"]
    payload: bytes
    #: Encoded values by key, for the ending kinds.
    xcoms: dict[str, bytes] = {}
    #: How many elements those have that tasks can be expanded over.
    lengths: dict[str, int] = {}
    #: Told apart from other events of the same trigger by this.
    key: str | None = None


class WaitSpec(msgspec.Struct, frozen=True):
    """A wait, as the engine needs to know it: a leaf, which is one trigger, or a tree of them."""

    kind: Literal["timer", "signal", "poll", "stream", "all", "any", "n_of"]
    classpath: str
    #: Encoded dict.
    kwargs: bytes
    #: timer: when it fires, and with what.
    due_at: float | None = None
    outcome: Outcome | None = None
    #: signal: which one.
    signal: str | None = None
    #: poll: seconds between looks.
    interval: float | None = None
    #: signal: what people are asked.
    question: Question | None = None
    #: signal: what in other runs ends it, beside somebody who sends it.
    watch: Watch | None = None
    #: Which triggerers may run it, and the waits that it shares looks with (None: it shares with nobody).
    queue: str = "default"
    group_key: str | None = None
    #: One line for people: what is waited for.
    subject: str = ""
    #: Whether the trigger has an ``on_kill`` that a cancel must run.
    has_on_kill: bool = False
    #: all, any, n_of: what it is made of, and how many of that must have an event.
    children: tuple[WaitSpec, ...] = ()
    needed: int | None = None
    #: Of a child: its name among its siblings (digits: its position), and its own limit in seconds.
    name: str = ""
    timeout: float | None = None


class Defer(Message, frozen=True):
    """Task runner → engine (reply: Ok or Refused): wait for this, then go on at `method`."""

    wait: WaitSpec
    #: None: only an ending event is legal.
    method: str | None
    #: Encoded dict.
    kwargs: bytes
    #: Seconds, or None for no limit.
    timeout: float | None = None
    #: Journal entries of a function that waits; the last one is that of this wait.
    journal: tuple[JournalEntry, ...] = ()
