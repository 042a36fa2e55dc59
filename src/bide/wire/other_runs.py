"""What a task asks of runs, its own and others: to be made, and how they are."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from bide.model.watching import Watch, WatchStatus
from bide.wire.message import Message
from bide.wire.orders import RunInfo


class StartRun(Message, frozen=True):
    """Task runner → engine (reply: RunStarted or Refused): make a run of another DAG."""

    dag_id: str
    #: None: named after the moment at which this try began, so that the same try finds it again.
    run_id: str | None = None
    #: JSON object.
    conf: bytes = b"{}"
    #: ISO 8601; None for now.
    logical_date: str | None = None
    #: ISO 8601: it does not start before that. None for now.
    run_after: str | None = None
    #: Clear a run of that name or date if there is one.
    reset: bool = False
    refuse_paused: bool = False
    note: str | None = None


class RunStarted(Message, frozen=True):
    """Engine → task runner: `made` just now or in an earlier attempt of this try, cleared, or there already."""

    run_id: str
    outcome: Literal["made", "reset", "exists"]
    #: Its DAG is: it stays queued.
    is_paused: bool = False


class AskWatch(Message, frozen=True):
    """Task runner → engine (reply: WatchVerdict): what would this watch see now?"""

    watch: Watch
    #: Also say what of the DAG, its tasks and groups does not exist.
    check_existence: bool = False


class WatchVerdict(Message, frozen=True):
    """Engine → task runner: `seen` says why in one line; `missing` is empty if all is there."""

    status: WatchStatus
    seen: str
    missing: str = ""


class EarlierRun(msgspec.Struct, frozen=True):
    """A run of an earlier logical date."""

    run: RunInfo
    state: str
    #: ISO 8601.
    end_date: str | None


class AskEarlierRun(Message, frozen=True):
    """Task runner → engine (reply: EarlierRunFound): the run of the own DAG with the next earlier logical date."""

    #: Only one in this state.
    state: str | None = None


class EarlierRunFound(Message, frozen=True):
    """Engine → task runner: it, or None if there is none."""

    found: EarlierRun | None = None


class AskRuns(Message, frozen=True):
    """Task or trigger runner → engine (reply: RunsFound): runs of a DAG that fit all that is said of them."""

    dag_id: str
    #: None: of any id.
    run_ids: tuple[str, ...] | None = None
    #: ISO 8601; None: of any date, or of none.
    logical_dates: tuple[str, ...] | None = None
    #: Logical dates from and up to these, ISO 8601.
    first: str | None = None
    last: str | None = None
    #: Empty: in any.
    states: tuple[str, ...] = ()
    run_types: tuple[str, ...] = ()
    #: At most :data:`MOST_RUNS`.
    limit: int = 1000


class RunsFound(Message, frozen=True):
    """Engine → runner: the newest of them, the newest first."""

    found: tuple[EarlierRun, ...]


class SeenInstance(msgspec.Struct, frozen=True):
    """A task instance as it is in the store. Moments are ISO 8601."""

    run_id: str
    task_id: str
    map_index: int
    state: str
    try_number: int
    max_tries: int
    operator: str
    queue: str
    pool: str
    pool_slots: int
    priority_weight: int
    logical_date: str | None
    queued_at: str | None
    start_date: str | None
    end_date: str | None


class AskInstances(Message, frozen=True):
    """Task or trigger runner → engine (reply: InstancesFound): instances in the runs that fit `runs`."""

    runs: AskRuns
    #: None: of any task.
    task_ids: tuple[str, ...] | None = None
    #: Of tasks in this group and in groups in it.
    group_id: str | None = None
    map_index: int | None = None
    #: Empty: in any.
    states: tuple[str, ...] = ()


class InstancesFound(Message, frozen=True):
    """Engine → runner: they, the newest run first, in a run in the order in which they were made."""

    found: tuple[SeenInstance, ...]


#: Runs that are looked at for one question, at most.
MOST_RUNS: Final = 1000
