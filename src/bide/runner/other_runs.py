"""The part of a runtime that is about runs, the own one and others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from bide.authoring.runtime import InstanceRecord, InstancesAsked, NoRuntime, RunRecord, RunsAsked
from bide.model.watching import Verdict, Watch
from bide.runner.mapped_results import Asks
from bide.runner.refusals import unexpected
from bide.wire.other_runs import (
    AskEarlierRun,
    AskInstances,
    AskRuns,
    AskWatch,
    EarlierRun,
    EarlierRunFound,
    InstancesFound,
    RunsFound,
    RunStarted,
    SeenInstance,
    StartRun,
    WatchVerdict,
)


class NoOtherRuns:
    """Where no task runs."""

    def start_run(self, dag_id: str, **options: Any) -> tuple[str, str, bool]:
        """Refused: there is no task."""
        raise NoRuntime(f"a run of DAG {dag_id!r} can't be made here: no task is running in this process")

    def look_at(self, watch: Watch, *, check_existence: bool = False) -> tuple[Verdict, str]:
        """Refused: there is no task."""
        raise _not_here(f"runs of DAG {watch.dag_id!r}")

    def earlier_run(self, state: str | None) -> RunRecord | None:
        """Refused: there is no task."""
        raise _not_here("earlier runs")

    def find_runs(self, asked: RunsAsked) -> list[RunRecord]:
        """Refused: there is no task."""
        raise _not_here(f"runs of DAG {asked.dag_id!r}")

    def find_instances(self, runs: RunsAsked, asked: InstancesAsked) -> list[InstanceRecord]:
        """Refused: there is no task."""
        raise _not_here(f"tasks of DAG {runs.dag_id!r}")


def _not_here(what: str) -> NoRuntime:
    return NoRuntime(f"{what} can't be looked at here: no task is running in this process")


class OtherRuns:
    """Making runs, looking at them, and the one before."""

    _link: Asks

    def start_run(self, dag_id: str, **options: Any) -> tuple[str, str, bool]:
        """Make a run of another DAG; see :class:`~bide.wire.other_runs.StartRun`."""
        reply = self._link.request(StartRun(dag_id, **options))
        if not isinstance(reply, RunStarted):
            raise unexpected(reply, f"DAG {dag_id!r} can't be triggered")
        return reply.run_id, reply.outcome, reply.is_paused

    def look_at(self, watch: Watch, *, check_existence: bool = False) -> tuple[Verdict, str]:
        """What other runs have come to, and what of them does not exist, if that is to be checked."""
        reply = self._link.request(AskWatch(watch, check_existence))
        if not isinstance(reply, WatchVerdict):
            raise unexpected(reply, f"runs of DAG {watch.dag_id!r} can't be looked at")
        return Verdict(reply.status, reply.seen), reply.missing

    def earlier_run(self, state: str | None) -> RunRecord | None:
        """The run of the own DAG with the next earlier logical date, of those in `state` if that is given."""
        reply = self._link.request(AskEarlierRun(state))
        if not isinstance(reply, EarlierRunFound):
            raise unexpected(reply, "the run before can't be looked at")
        return None if reply.found is None else _run(reply.found)

    def find_runs(self, asked: RunsAsked) -> list[RunRecord]:
        """The newest runs that fit, the newest first."""
        return runs_found(self._link, asked)

    def find_instances(self, runs: RunsAsked, asked: InstancesAsked) -> list[InstanceRecord]:
        """The task instances that fit in those runs, the newest run first."""
        return instances_found(self._link, runs, asked)


def runs_found(link: Asks, asked: RunsAsked) -> list[RunRecord]:
    """What the engine says of runs."""
    reply = link.request(_question(asked))
    if not isinstance(reply, RunsFound):
        raise unexpected(reply, f"runs of DAG {asked.dag_id!r} can't be looked at")
    return [_run(one) for one in reply.found]


def instances_found(link: Asks, runs: RunsAsked, asked: InstancesAsked) -> list[InstanceRecord]:
    """What the engine says of task instances."""
    question = AskInstances(
        runs=_question(runs),
        task_ids=_tuple(asked.task_ids),
        group_id=asked.group_id,
        map_index=asked.map_index,
        states=tuple(asked.states),
    )
    reply = link.request(question)
    if not isinstance(reply, InstancesFound):
        raise unexpected(reply, f"tasks of DAG {runs.dag_id!r} can't be looked at")
    return [_instance(one) for one in reply.found]


def _question(asked: RunsAsked) -> AskRuns:
    dates = asked.logical_dates
    return AskRuns(
        dag_id=asked.dag_id,
        run_ids=_tuple(asked.run_ids),
        logical_dates=None if dates is None else tuple(date.isoformat() for date in dates),
        first=None if asked.first is None else asked.first.isoformat(),
        last=None if asked.last is None else asked.last.isoformat(),
        states=tuple(asked.states),
        run_types=tuple(asked.run_types),
        limit=asked.limit,
    )


def _tuple(given: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)


def _run(found: EarlierRun) -> RunRecord:
    run = found.run
    return RunRecord(
        dag_id=run.dag_id,
        run_id=run.run_id,
        run_type=run.run_type,
        state=found.state,
        conf=msgspec.json.decode(run.conf, type=dict[str, Any]),
        logical_date=_moment(run.logical_date),
        data_interval_start=_moment(run.data_interval_start),
        data_interval_end=_moment(run.data_interval_end),
        run_after=datetime.fromisoformat(run.run_after),
        start_date=_moment(run.start_date),
        end_date=_moment(found.end_date),
    )


def _instance(seen: SeenInstance) -> InstanceRecord:
    values: dict[str, Any] = msgspec.structs.asdict(seen)
    for name in ("logical_date", "queued_at", "start_date", "end_date"):
        values[name] = _moment(values[name])
    return InstanceRecord(**values)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
