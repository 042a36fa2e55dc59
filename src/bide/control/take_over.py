"""Take over DAGs and their past runs from Airflow, so that schedules go on where they have stopped there.

The runs are of a version of their DAG that has tasks but no code: what Airflow has run. Once a file here makes the
DAG, its schedule follows the last of them, and clearing one takes it over to the version of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from bide.control.plan_runs import plan_next_run
from bide.model.dag_spec import DagSpec, TaskSpec
from bide.model.states import FINISHED, FINISHED_RUN, RunState, TaskState
from bide.store import Store, Tx, dags, past_runs, runs, sessions, specs
from bide.store.airflow_history import PastDag, PastInstance, PastRun
from bide.store.past_runs import Ended

_UNFINISHED: Final = "it had not ended in Airflow when it was taken over"


class Taken(NamedTuple):
    """What became of a DAG of Airflow's."""

    #: As it is here now.
    is_paused: bool
    #: Runs that were not here before.
    runs: int
    #: How many of them had not ended, and count as failed here.
    unfinished: int
    #: When the newest run by schedule was due; None if there is none.
    last: datetime | None


def last_due(past: PastDag) -> datetime | None:
    """When the newest run of a DAG that its schedule has made was due."""
    return max((run.run_after for run in past.runs if run.run_type == "scheduled"), default=None)


async def take_over(store: Store, past: PastDag, *, overwrite: bool, by: str) -> Taken:
    """Take over a DAG with its runs; those that are here already stay as they are.

    One that is known here keeps its own flag of being paused, unless `overwrite`.
    """

    def work(tx: Tx) -> Taken:
        known = dags.find(tx, past.dag_id)
        there = runs.taken_ids(tx, past.dag_id, [run.run_id for run in past.runs])
        added = [run for run in past.runs if run.run_id not in there]
        is_paused = past.is_paused if known is None or overwrite else known.is_paused
        if known is None or added:
            spec = _spec(past)
            version_uid, _ = specs.keep_version(tx, spec)
            if known is None:
                past_runs.add_dag(tx, spec, version_uid, is_paused=is_paused)
            past_runs.insert(tx, past.dag_id, version_uid, _ended(tx, past.dag_id, added))
        if known is not None and is_paused != known.is_paused:
            dags.set_paused(tx, past.dag_id, is_paused)
        if known is not None and known.is_active:
            plan_next_run(tx, past.dag_id)
            tx.ring("dags")
        sessions.audit(tx, "take_over_dag", owner=by, dag_id=past.dag_id)
        return Taken(is_paused, len(added), sum(not _has_ended(run) for run in added), last_due(past))

    return await store.write(work)


def _spec(past: PastDag) -> DagSpec:
    """What Airflow has run of a DAG."""
    tasks = {one.task_id: one for run in past.runs for one in run.instances}
    found = tuple(TaskSpec(task_id, operator=tasks[task_id].operator) for task_id in sorted(tasks))
    return DagSpec(dag_id=past.dag_id, file="", folder="", tasks=found)


def _ended(tx: Tx, dag_id: str, added: Sequence[PastRun]) -> list[Ended]:
    dates = runs.taken_dates(tx, dag_id, {run.logical_date for run in added if run.logical_date is not None})
    found: list[Ended] = []
    for run in added:
        has_ended = _has_ended(run)
        state = RunState(run.state) if has_ended else RunState.FAILED
        instances = [(one, _state(one, state)) for one in run.instances]
        reason = "" if has_ended else _UNFINISHED
        found.append(Ended(run, state.value, reason, run.logical_date in dates, instances))
        if run.logical_date is not None:
            dates.add(run.logical_date)
    return found


def _has_ended(run: PastRun) -> bool:
    return run.state in FINISHED_RUN


def _state(one: PastInstance, run: RunState) -> TaskState:
    """What has begun and not ended has failed; what was not begun was not to run, or could not."""
    if one.state in FINISHED:
        return TaskState(one.state)
    if one.state is not None and one.state != "none":
        return TaskState.FAILED
    return TaskState.UPSTREAM_FAILED if run is RunState.FAILED else TaskState.SKIPPED
