"""The messages between the engine and its runners.

A frame is a four-byte big-endian length and a msgpack-encoded :class:`Frame`. Values of users (arguments,
events, XComs) are opaque bytes here, made and read only in runners (:mod:`bide.model.values`). Moments are Unix
seconds in UTC, durations seconds.

    template process   Fork ⇄ Forked, Exited            forks every other runner; file descriptors ride along
    task runner        RunTask ⇄ Finish, Defer, Reschedule, PushXCom, PullXCom, PullMapped, RecordEntries
                       RunCallbacks ⇄ CallbacksDone; StaleCode, Retiring, and what :mod:`bide.wire.kept` and
                       :mod:`bide.wire.other_runs` have
    trigger runner     ArmTriggers, DropTriggers, RunOnKill, Ping ⇄ TriggerEnded, TriggerDropped, OnKillDone, Pong,
                       LoopBlocked; ArmStarts ⇄ StartArmed; PullXCom for the tasks that it arms; EventsStored ⇄
                       SaveCheckpoint for streams (:mod:`bide.wire.stream_messages`)
    dag parser         ParseFile ⇄ FileParsed
    secrets runner     OpenBackend, then lookups
    all but template   GetConnection, GetVariable (:mod:`bide.wire.lookups`)
    extension runner   AskTimetable ⇄ TimetableAnswer
"""

from __future__ import annotations

from typing import Literal

import msgspec

from bide.model.journal import JournalEntry
from bide.model.questions import Question
from bide.model.watching import Watch
from bide.wire.callback_messages import CallbackEvent as CallbackEvent
from bide.wire.callback_messages import CallbacksDone as CallbacksDone
from bide.wire.callback_messages import RunCallbacks as RunCallbacks
from bide.wire.kept import CallbackUrl, DeleteTaskState, GetTaskState, MintCallback, SetTaskState, TaskStateValue
from bide.wire.lookups import LookupMessage, LookupReply, VariableDeleted
from bide.wire.loop_messages import LoopBlocked as LoopBlocked
from bide.wire.loop_messages import Ping as Ping
from bide.wire.loop_messages import Pong as Pong
from bide.wire.loop_messages import Stop as Stop
from bide.wire.message import Message as Message
from bide.wire.orders import InstanceKey as InstanceKey
from bide.wire.orders import MappedOver as MappedOver
from bide.wire.orders import Resume as Resume
from bide.wire.orders import RunInfo as RunInfo
from bide.wire.orders import RunTask as RunTask
from bide.wire.orders import XComValue as XComValue
from bide.wire.other_runs import AskWatch as AskWatch
from bide.wire.other_runs import RunStarted as RunStarted
from bide.wire.other_runs import StartRun as StartRun
from bide.wire.other_runs import WatchVerdict as WatchVerdict
from bide.wire.parser_messages import FileError as FileError
from bide.wire.parser_messages import FileParsed as FileParsed
from bide.wire.parser_messages import ParseFile as ParseFile
from bide.wire.progress import Progress
from bide.wire.secrets_messages import SecretsMessage
from bide.wire.statistics import LookTimes
from bide.wire.stream_messages import Checkpoint, EventsStored, MessageKey, SaveCheckpoint
from bide.wire.template_messages import Exited as Exited
from bide.wire.template_messages import Fork as Fork
from bide.wire.template_messages import Forked as Forked
from bide.wire.timetable_messages import AskTimetable, TimetableAnswer

# --- task runner ------------------------------------------------------------------------------------------------


class Ok(Message, frozen=True):
    """Engine → task runner: done and durable."""


class Refused(Message, frozen=True):
    """Engine → task runner: not done. `fenced`: this instance has moved on; stop without another word."""

    reason: str
    fenced: bool = False


class StaleCode(Message, frozen=True):
    """Task runner → engine: not begun, because files changed since this process read them. It exits."""

    reason: str


class Retiring(Message, frozen=True):
    """Task runner → engine: send no other task; this process exits once its current request is answered.

    Trigger runner → engine: give it no other trigger; code that it has imported has changed.
    """

    #: For people.
    reason: str


class PushXCom(Message, frozen=True):
    """Task runner → engine (reply: Ok)."""

    key: str
    value: bytes
    #: How many elements the value has; None if it is nothing that a task can be expanded over.
    length: int | None = None


class PullXCom(Message, frozen=True):
    """Task runner → engine (reply: XComs). None for `run_id`: the own run; for `map_indexes`: all."""

    task_ids: tuple[str, ...]
    key: str
    dag_id: str | None = None
    run_id: str | None = None
    map_indexes: tuple[int, ...] | None = None
    #: Also the newest of earlier runs.
    include_prior_dates: bool = False


class PullMapped(Message, frozen=True):
    """Task runner → engine (reply: XComs): values that the instances of a mapped task of the own run have left.

    Those that left none don't count: of the others, by map index, `number` from the `first` on.
    """

    task_id: str
    key: str
    first: int = 0
    number: int = 0
    #: Also how many there are in all.
    counted: bool = False


class XComs(Message, frozen=True):
    """Engine → task runner: what was found, by task id as asked, then map index."""

    values: tuple[XComValue, ...]
    #: For :class:`PullMapped`: how many there are in all, if that was asked.
    total: int | None = None


class RecordEntries(Message, frozen=True):
    """Task runner → engine (reply: Ok or Refused): keep these of the task's journal."""

    entries: tuple[JournalEntry, ...]


class Finish(Message, frozen=True):
    """Task runner → engine (reply: Ok or Refused): the task's code has ended."""

    state: Literal["success", "failed", "skipped"]
    #: Encoded return value, stored as XCom ``return_value`` in the same transaction.
    return_value: bytes | None = None
    #: How many elements that value has; None if it is nothing that a task can be expanded over.
    length: int | None = None
    #: One line for people.
    error: str = ""
    #: For ``failed``: whether the retries may be used, and seconds before the next where a policy says so.
    may_retry: bool = True
    retry_delay: float | None = None
    #: Tasks downstream to skip (branching, short circuit), whatever their rule.
    skip: tuple[str, ...] = ()
    #: The runner calls callbacks and listeners once this is acknowledged, and says :class:`CallbacksDone`.
    calls: bool = False
    #: What its ``map_index_template`` came to.
    map_name: str | None = None


class Reschedule(Message, frozen=True):
    """Task runner → engine (reply: Ok or Refused): give the slot back, look again at `at`."""

    at: float


class Outcome(msgspec.Struct, frozen=True):
    """What a wait ended with."""

    #: ``event`` resumes the task; the others end it without a worker.
    kind: Literal["event", "success", "failed", "skipped"]
    payload: bytes
    #: Encoded values by key, for the ending kinds.
    xcoms: dict[str, bytes] = {}
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


# --- trigger runner ---------------------------------------------------------------------------------------------


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


class ArmTriggers(Message, frozen=True):
    """Engine → trigger runner."""

    triggers: tuple[TriggerLoad, ...]
    #: Their class has blocked the loop of others: each in a thread of its own.
    in_threads: bool = False


class DropTriggers(Message, frozen=True):
    """Engine → trigger runner: stop these; each is answered by :class:`TriggerDropped` after its cleanup."""

    wait_ids: tuple[str, ...]


class TriggerEnded(Message, frozen=True):
    """Trigger runner → engine: `outcome`, or the `error` (one line) that ended it.

    One that `asks` has not ended before :class:`EventsStored` says so; `message` is that of an exclusive stream.
    """

    wait_id: str
    token: int
    outcome: Outcome | None = None
    error: str = ""
    message: MessageKey | None = None
    asks: bool = False


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


TemplateMessage = Fork | Forked | Exited
TaskMessage = (
    RunTask
    | RunCallbacks
    | CallbacksDone
    | Ok
    | Refused
    | StaleCode
    | Retiring
    | PushXCom
    | PullXCom
    | PullMapped
    | RecordEntries
    | XComs
    | Finish
    | Reschedule
    | Defer
)
OtherRunMessage = StartRun | RunStarted | AskWatch | WatchVerdict
KeptMessage = MintCallback | CallbackUrl | GetTaskState | TaskStateValue | SetTaskState | DeleteTaskState
TriggerMessage = (
    ArmTriggers | ArmStarts | StartArmed | DropTriggers | TriggerEnded | TriggerDropped | RunOnKill | OnKillDone
)
RunnerMessage = Ping | Pong | LoopBlocked | AskLooks | Looks | Stop
StreamTold = EventsStored | SaveCheckpoint
ParserMessage = ParseFile | FileParsed

AnyMessage = (
    TemplateMessage
    | TaskMessage
    | KeptMessage
    | LookupMessage
    | SecretsMessage
    | OtherRunMessage
    | TriggerMessage
    | StreamTold
    | RunnerMessage
    | ParserMessage
    | AskTimetable
    | TimetableAnswer
)


#: What a request of a task runner is answered with.
Reply = (
    Ok | Refused | XComs | CallbackUrl | TaskStateValue | LookupReply | VariableDeleted | RunStarted | WatchVerdict
)


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """What travels. `request` pairs a reply with its question (0: none is wanted)."""

    body: AnyMessage
    request: int = 0
    #: Id and epoch of the instance that the body is about, where it is about one.
    instance: str = ""
    epoch: int = -1
