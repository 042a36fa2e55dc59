"""The messages between the triggerer and trigger runners."""

from __future__ import annotations

from typing import Literal

import msgspec

from bide.wire.message import Message
from bide.wire.orders import InstanceKey, RunTask
from bide.wire.progress import Progress
from bide.wire.statistics import LookTimes
from bide.wire.stream_messages import Checkpoint, MessageKey
from bide.wire.wait_messages import Defer, Outcome


class TriggerLoad(msgspec.Struct, frozen=True):
    """One trigger to run. Its lease is (`wait_id`, `token`)."""

    wait_id: str
    token: int
    kind: Literal["poll", "stream"]
    classpath: str
    kwargs: bytes
    instance: InstanceKey
    try_number: int
    #: Finds classes that are defined in DAG files.
    dag_file: str
    dag_folder: str
    #: Absolute path; lines are appended.
    log_path: str
    interval: float | None = None
    #: Triggers of one group are looked for together.
    group_key: str | None = None
    #: The operator gave no method to resume at: only an ending event is legal.
    must_end: bool = False
    #: When the wait began, and how far the stream that it reads was read.
    armed_at: float = 0.0
    checkpoint: Checkpoint | None = None
    #: Of the instance, for what the trigger asks on its behalf.
    epoch: int = -1
    #: It watches an asset: each of its events is stored, and it goes on.
    many: bool = False
    #: SHA-256 of what tells the last event from others, in hex.
    last_key: str = ""


class ArmTriggers(Message, frozen=True):
    """Engine → trigger runner."""

    triggers: tuple[TriggerLoad, ...]
    #: Their class has blocked the loop of others: each in a thread of its own.
    in_threads: bool = False


class DropTriggers(Message, frozen=True):
    """Engine → trigger runner: stop these; each is answered by :class:`TriggerDropped` after its cleanup."""

    wait_ids: tuple[str, ...]


class FurtherEvent(msgspec.Struct, frozen=True):
    """One more event of a watcher, that is stored with the others of its message or not at all."""

    outcome: Outcome
    message: MessageKey | None = None
    written_at: float | None = None


class TriggerEnded(Message, frozen=True):
    """Trigger runner → engine: `outcome`, or the `error` (one line) that ended it.

    One that `asks` has not ended before :class:`EventsStored` says so; `message` is that of an exclusive stream.
    One that goes `on` has an event and does not end by it, and maybe `more`. A watcher that has nothing more to say
    has neither outcome nor error.
    """

    wait_id: str
    token: int
    outcome: Outcome | None = None
    error: str = ""
    message: MessageKey | None = None
    asks: bool = False
    on: bool = False
    #: When its message was written, in Unix seconds.
    written_at: float | None = None
    more: tuple[FurtherEvent, ...] = ()


class TriggerDropped(Message, frozen=True):
    """Trigger runner → engine: stopped and cleaned up."""

    wait_id: str


class StartLoad(msgspec.Struct, frozen=True):
    """A task that starts from its trigger. The lease of the wait that stands for it is (`wait_id`, `token`)."""

    wait_id: str
    token: int
    #: As for a worker; nothing of it is run but what makes the trigger.
    order: RunTask


class ArmStarts(Message, frozen=True):
    """Engine → trigger runner: make the first waits of these tasks.

    Each is answered by :class:`StartArmed`, or by :class:`TriggerEnded` with the error.
    """

    starts: tuple[StartLoad, ...]


class StartArmed(Message, frozen=True):
    """Trigger runner → engine: what the task waits for."""

    wait_id: str
    token: int
    defer: Defer


class RunOnKill(Message, frozen=True):
    """Engine → trigger runner: build the trigger and await its ``on_kill()``."""

    obligation_id: str
    load: TriggerLoad


class OnKillDone(Message, frozen=True):
    """Trigger runner → engine: `error` is empty when the external work was cancelled."""

    obligation_id: str
    error: str = ""


class AskLooks(Message, frozen=True):
    """Engine → trigger runner: when are these polls looked at next, and what do they see? (reply: Looks)"""

    wait_ids: tuple[str, ...]


class Looks(Message, frozen=True):
    """Trigger runner → engine: next look, and how far the work outside is, by wait id, for those that it holds."""

    next_look: dict[str, float]
    progress: dict[str, Progress] = {}
    times: LookTimes = LookTimes()
