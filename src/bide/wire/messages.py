"""The messages between the engine and its runners.

A frame is a four-byte big-endian length and a msgpack-encoded :class:`Frame`. Values of users (arguments,
events, XComs) are opaque bytes here, made and read only in runners (:mod:`bide.model.values`). Moments are Unix
seconds in UTC, durations seconds.

    template process   Fork ⇄ Forked, Exited            forks every other runner; file descriptors ride along
    task runner        RunTask ⇄ Finish, Defer, Reschedule, PushXCom, PullXCom, PullMapped, RecordEntries
                       RunCallbacks ⇄ CallbacksDone; CancelTask ⇄ TaskBlocks; StaleCode, Retiring, and what
                       :mod:`bide.wire.kept`, :mod:`bide.wire.other_runs` and :mod:`bide.wire.asset_messages` have
    trigger runner     ArmTriggers, DropTriggers, RunOnKill, Ping ⇄ TriggerEnded, TriggerDropped, OnKillDone, Pong,
                       LoopBlocked; ArmStarts ⇄ StartArmed; PullXCom for the tasks that it arms; EventsStored ⇄
                       SaveCheckpoint for streams (:mod:`bide.wire.stream_messages`)
    dag parser         ParseFile ⇄ FileParsed
    secrets runner     OpenBackend, then lookups
    all but template   GetConnection, GetVariable (:mod:`bide.wire.lookups`)
    extension runner   AskTimetable ⇄ TimetableAnswer; PurgeXComs ⇄ XComsPurged
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from bide.model.journal import JournalEntry
from bide.wire.asset_messages import AssetEvents, GetAssetEvents, GetTriggeringEvents, MadeEvent
from bide.wire.callback_messages import CallbackEvent as CallbackEvent
from bide.wire.callback_messages import CallbacksDone as CallbacksDone
from bide.wire.callback_messages import RunCallbacks as RunCallbacks
from bide.wire.deadline_messages import SetDeadline
from bide.wire.kept import (
    AssetStateValue,
    CallbackUrl,
    DeleteAssetState,
    DeleteTaskState,
    GetAssetState,
    GetTaskState,
    MintCallback,
    SetAssetState,
    SetTaskState,
    TaskStateValue,
)
from bide.wire.lookups import GetConnection, GetVariable, LookupMessage, LookupReply, VariableDeleted
from bide.wire.loop_messages import LoopBlocked as LoopBlocked
from bide.wire.loop_messages import LoopMessage
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
from bide.wire.other_runs import AskEarlierRun as AskEarlierRun
from bide.wire.other_runs import AskInstances as AskInstances
from bide.wire.other_runs import AskRuns as AskRuns
from bide.wire.other_runs import AskWatch as AskWatch
from bide.wire.other_runs import EarlierRunFound as EarlierRunFound
from bide.wire.other_runs import InstancesFound as InstancesFound
from bide.wire.other_runs import RunsFound as RunsFound
from bide.wire.other_runs import RunStarted as RunStarted
from bide.wire.other_runs import StartRun as StartRun
from bide.wire.other_runs import WatchVerdict as WatchVerdict
from bide.wire.parser_messages import FileError as FileError
from bide.wire.parser_messages import FileParsed as FileParsed
from bide.wire.parser_messages import ParseFile as ParseFile
from bide.wire.purge_messages import PurgeXComs, XComsPurged
from bide.wire.secrets_messages import SecretsMessage
from bide.wire.stream_messages import EventsStored, SaveCheckpoint
from bide.wire.template_messages import Exited as Exited
from bide.wire.template_messages import Fork as Fork
from bide.wire.template_messages import Forked as Forked
from bide.wire.timetable_messages import AskTimetable, TimetableAnswer
from bide.wire.trigger_messages import ArmStarts as ArmStarts
from bide.wire.trigger_messages import ArmTriggers as ArmTriggers
from bide.wire.trigger_messages import AskLooks as AskLooks
from bide.wire.trigger_messages import DropTriggers as DropTriggers
from bide.wire.trigger_messages import Looks as Looks
from bide.wire.trigger_messages import OnKillDone as OnKillDone
from bide.wire.trigger_messages import RunOnKill as RunOnKill
from bide.wire.trigger_messages import StartArmed as StartArmed
from bide.wire.trigger_messages import StartLoad as StartLoad
from bide.wire.trigger_messages import TriggerDropped as TriggerDropped
from bide.wire.trigger_messages import TriggerEnded as TriggerEnded
from bide.wire.trigger_messages import TriggerLoad as TriggerLoad
from bide.wire.wait_messages import Defer as Defer
from bide.wire.wait_messages import Outcome as Outcome
from bide.wire.wait_messages import WaitSpec as WaitSpec
from bide.wire.xcom_messages import PullMapped as PullMapped
from bide.wire.xcom_messages import PullXCom as PullXCom
from bide.wire.xcom_messages import PushXCom as PushXCom
from bide.wire.xcom_messages import XComs as XComs

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


class RecordEntries(Message, frozen=True):
    """Task runner → engine (reply: Ok or Refused): keep these of the task's journal."""

    entries: tuple[JournalEntry, ...]


class NextPlacement(msgspec.Struct, frozen=True):
    """Where the next try of a task is to run, as a policy has it."""

    queue: str
    pool: str
    pool_slots: int
    priority_weight: int


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
    #: For ``failed``, if another try follows and there is a policy about that.
    placement: NextPlacement | None = None
    #: Of ``success``: what became of assets.
    events: tuple[MadeEvent, ...] = ()


class Reschedule(Message, frozen=True):
    """Task runner → engine (reply: Ok or Refused): give the slot back, look again at `at`."""

    at: float


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
    | SetDeadline
)
AssetMessage = GetAssetEvents | GetTriggeringEvents | AssetEvents
RunQuestion = AskRuns | AskInstances
RunAnswer = RunsFound | InstancesFound
OtherRunMessage = (
    StartRun | RunStarted | AskWatch | WatchVerdict | AskEarlierRun | EarlierRunFound | RunQuestion | RunAnswer
)
KeptMessage = (
    MintCallback
    | CallbackUrl
    | GetTaskState
    | TaskStateValue
    | SetTaskState
    | DeleteTaskState
    | GetAssetState
    | AssetStateValue
    | SetAssetState
    | DeleteAssetState
)
TriggerMessage = (
    ArmTriggers | ArmStarts | StartArmed | DropTriggers | TriggerEnded | TriggerDropped | RunOnKill | OnKillDone
)
RunnerMessage = LoopMessage | AskLooks | Looks | EventsStored | SaveCheckpoint
ParserMessage = ParseFile | FileParsed

AnyMessage = (
    TemplateMessage
    | TaskMessage
    | KeptMessage
    | LookupMessage
    | SecretsMessage
    | OtherRunMessage
    | AssetMessage
    | TriggerMessage
    | RunnerMessage
    | ParserMessage
    | AskTimetable
    | TimetableAnswer
    | PurgeXComs
    | XComsPurged
)


#: What a trigger runner asks, on behalf of the task that waits.
TRIGGER_QUESTIONS: Final = (PullXCom, PullMapped, GetConnection, GetVariable, AskRuns, AskInstances)
#: What a request of a task runner is answered with.
Reply = (
    Ok
    | Refused
    | XComs
    | CallbackUrl
    | TaskStateValue
    | AssetStateValue
    | LookupReply
    | VariableDeleted
    | RunStarted
    | WatchVerdict
    | AssetEvents
    | EarlierRunFound
    | RunAnswer
)


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """What travels. `request` pairs a reply with its question (0: none is wanted)."""

    body: AnyMessage
    request: int = 0
    #: Id and epoch of the instance that the body is about, where it is about one.
    instance: str = ""
    epoch: int = -1
