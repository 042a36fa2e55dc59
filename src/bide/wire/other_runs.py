"""What a task asks of other runs: to be made, and how they are."""

from __future__ import annotations

from typing import Literal

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
