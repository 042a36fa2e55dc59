"""DAG runs and the making of their instances."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningUpdate

from bide.model.dag_spec import TaskSpec
from bide.model.ids import NOT_MAPPED
from bide.model.mapping import literal_lengths
from bide.model.run_state import Structure
from bide.model.run_types import RunType
from bide.model.selection import RunFacts
from bide.model.states import FINISHED_RUN, RunState, TaskState
from bide.model.timetables import Interval
from bide.store import expansions, watches
from bide.store.database import Tx
from bide.store.expansions import Measure
from bide.store.ids import new_id
from bide.store.rowset import ROWS, Text, encode_rows, listed, rowset
from bide.store.schema import UtcTime, dag_run, task_instance, to_text


class RunRow(NamedTuple):
    """One run, as commands and duties need it."""

    uid: str
    dag_id: str
    run_id: str
    run_type: str
    state: RunState
    logical_date: datetime | None
    shares_date: bool
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    run_after: datetime
    conf: bytes
    version_uid: str
    unfinished: int
    start_date: datetime | None
    #: Whether tasks of other runs wait for it, or for tasks of it.
    watched: bool = False
    #: The backfill that made it, or had it run again.
    backfill_id: int | None = None
    #: Why it has ended, or will as soon as its teardowns have.
    reason: str = ""

    @property
    def kind(self) -> str:
        """As what it competes for room with other runs of its DAG: a backfill's runs are one kind, whoever made
        them first."""
        return self.run_type if self.backfill_id is None else RunType.BACKFILL_JOB.value


#: What :func:`read` reads, for selections that join runs.
columns = tuple(dag_run.c[name] for name in RunRow._fields)
select_runs = sa.select(*columns)


_by_id = select_runs.where(dag_run.c.dag_id == sa.bindparam("dag"), dag_run.c.run_id == sa.bindparam("id"))
_of_ids = sa.select(dag_run.c.run_id).where(
    dag_run.c.dag_id == sa.bindparam("dag"), dag_run.c.run_id.in_(listed("ids"))
)
_of_dates = (
    sa.select(dag_run.c.logical_date)
    .where(dag_run.c.dag_id == sa.bindparam("dag"), dag_run.c.logical_date.in_(listed("dates", UtcTime)))
    .distinct()
)
_insert_run = sa.insert(dag_run)
_insert_instances = sa.insert(task_instance)
_by_uid = select_runs.where(dag_run.c.uid.in_(listed("uids")))


def read(row: Sequence[Any]) -> RunRow:
    """A run from its :data:`columns`."""
    found = RunRow(*row)
    return found._replace(state=RunState(found.state))


def find(tx: Tx, dag_id: str, run_id: str) -> RunRow | None:
    """The run `run_id` of `dag_id`."""
    row = tx.conn.execute(_by_id, {"dag": dag_id, "id": run_id}).one_or_none()
    return None if row is None else read(row)


def named(
    tx: Tx, dag_id: str, run_ids: Collection[str], logical_dates: Collection[datetime]
) -> list[tuple[RunRow, str]]:
    """The runs of a DAG with these ids or logical dates, each with who asked for it."""
    base = select_runs.add_columns(dag_run.c.triggered_by).where(dag_run.c.dag_id == dag_id)
    found: dict[str, tuple[RunRow, str]] = {}
    # Two questions, since one for both would look at all runs of the DAG.
    for column, values in ((dag_run.c.run_id, run_ids), (dag_run.c.logical_date, logical_dates)):
        if values:
            for *row, by in tx.conn.execute(base.where(column.in_(values))):
                run = read(row)
                found[run.uid] = (run, by)
    return sorted(found.values(), key=lambda one: (one[0].run_after, one[0].uid))


def taken_ids(tx: Tx, dag_id: str, run_ids: Collection[str]) -> set[str]:
    """Which of these ids runs of `dag_id` have."""
    return set(tx.conn.execute(_of_ids, {"dag": dag_id, "ids": run_ids}).scalars())


def taken_dates(tx: Tx, dag_id: str, logical_dates: Collection[datetime]) -> set[datetime]:
    """Which of these logical dates runs of `dag_id` have. Reads ``ix_dag_run_logical_date``."""
    if not logical_dates:
        return set()
    found = tx.conn.execute(_of_dates, {"dag": dag_id, "dates": [to_text(date) for date in logical_dates]})
    return {date for date in found.scalars() if date is not None}


def get_many(tx: Tx, uids: Sequence[str]) -> dict[str, RunRow]:
    """Runs by uid."""
    rows = tx.conn.execute(_by_uid, {"uids": list(uids)})
    return {run.uid: run for run in map(read, rows)}


def insert(tx: Tx, made: Sequence[RunRow], structure: Structure, *, triggered_by: str) -> None:
    """Insert runs of one version, with their first instances in state none: one per task, or all that are known."""
    tx.conn.execute(
        _insert_run,
        [
            {
                **run._asdict(),
                "state": run.state.value,
                "execution_date": run.logical_date,
                "queued_at": tx.now,
                "triggered_by": triggered_by,
            }
            for run in made
        ],
    )
    _insert_first(tx, made, structure, structure.spec.tasks)
    tx.ring("runs", "history")


def _insert_first(tx: Tx, made: Sequence[RunRow], structure: Structure, tasks: Sequence[TaskSpec]) -> int:
    """The instances with which these tasks begin in each of the runs; how many a run gets."""
    first = [(task, index) for task in tasks for index in structure.first_indexes(task.task_id)]
    _add(tx, made, first)
    for task in tasks if structure.mapped else ():
        mapped, indexes = structure.mapped.get(task.task_id), structure.first_indexes(task.task_id)
        if mapped is not None and indexes[0] != NOT_MAPPED:
            measures = [Measure(length) for length in literal_lengths(mapped.spec) or ()]
            for run in made:
                expansions.put(tx, run.uid, {task.task_id: len(indexes)}, measures)
    return len(first)


def add_instances(tx: Tx, run: RunRow, instances: Sequence[tuple[TaskSpec, int]]) -> None:
    """Insert an instance in state none for each (task, map index)."""
    _add(tx, [run], instances)


def _add(tx: Tx, made: Sequence[RunRow], instances: Sequence[tuple[TaskSpec, int]]) -> None:
    of_tasks = {task.task_id: _of_task(task) for task, _ in instances}
    rows = [
        {
            "uid": new_id(tx.now),
            "run_uid": run.uid,
            "dag_id": run.dag_id,
            "run_id": run.run_id,
            "map_index": map_index,
            "execution_date": run.logical_date,
            **of_tasks[task.task_id],
        }
        for run in made
        for task, map_index in instances
    ]
    if rows:
        tx.conn.execute(_insert_instances, rows)


def _of_task(task: TaskSpec) -> dict[str, Any]:
    """What a new instance has of its task, and what all begin with."""
    return {
        **_chosen_by(task),
        "task_id": task.task_id,
        "state": TaskState.NONE.value,
        "epoch": 0,
        "try_number": 0,
        "max_tries": task.retries,
        "rescues": 0,
        "is_resume": False,
    }


def _chosen_by(task: TaskSpec) -> dict[str, Any]:
    """What an instance repeats of its task, for those who choose among instances."""
    return {
        "operator": task.operator,
        "priority_weight": task.priority_weight,
        "queue": task.queue,
        "pool": task.pool,
        "pool_slots": task.pool_slots,
        "max_active_tis_per_dag": task.max_active_tis_per_dag,
        "max_active_tis_per_dagrun": task.max_active_tis_per_dagrun,
    }


def move_to_version(tx: Tx, run: RunRow, version_uid: str, structure: Structure, known: Collection[str]) -> None:
    """Pin another version of the DAG: tasks that are not among the `known` get instances.

    What to do about instances of tasks that it has no more is for the caller to say.
    """
    added = [task for task in structure.spec.tasks if task.task_id not in known]
    made = _insert_first(tx, [run], structure, added)
    kept = [
        {"run": run.uid, "task": task.task_id, **_chosen_by(task)}
        for task in structure.spec.tasks
        if task.task_id in known
    ]
    if kept:
        tx.conn.execute(_update_of_task, kept)
    tx.conn.execute(
        sa.update(dag_run)
        .where(dag_run.c.uid == run.uid)
        .values(version_uid=version_uid, unfinished=dag_run.c.unfinished + made)
    )


_grow = (
    sa.update(dag_run)
    .where(dag_run.c.uid == sa.bindparam("run"))
    .values(unfinished=dag_run.c.unfinished + sa.bindparam("change"))
)


def grow(tx: Tx, uid: str, change: int) -> None:
    """The run has so many more unfinished instances, since tasks of it were expanded."""
    tx.conn.execute(_grow, {"run": uid, "change": change})


_update_of_task = sa.update(task_instance).where(
    task_instance.c.run_uid == sa.bindparam("run"), task_instance.c.task_id == sa.bindparam("task")
)
_facts = sa.select(
    dag_run.c.uid,
    dag_run.c.run_id,
    sa.func.coalesce(dag_run.c.logical_date, dag_run.c.run_after),
    dag_run.c.state,
    dag_run.c.version_uid,
).where(dag_run.c.dag_id == sa.bindparam("dag"))
_facts_of_some = _facts.where(dag_run.c.run_id.in_(listed("run_ids")))


def facts(tx: Tx, dag_id: str, run_ids: Collection[str] | None = None) -> list[RunFacts]:
    """The runs of a DAG, or those of `run_ids`, for selections."""
    if run_ids is None:
        rows = tx.conn.execute(_facts, {"dag": dag_id})
    else:
        rows = tx.conn.execute(_facts_of_some, {"dag": dag_id, "run_ids": run_ids})
    return [RunFacts(uid, run_id, date, RunState(state), version) for uid, run_id, date, state, version in rows]


def set_note(tx: Tx, uid: str, note: str) -> None:
    """Keep what a person wrote about the run."""
    tx.conn.execute(sa.update(dag_run).where(dag_run.c.uid == uid).values(note=note))


_unfinished = sa.select(
    sa.exists().where(sa.text("dag_run.state IN ('queued', 'running')"), dag_run.c.dag_id == sa.bindparam("dag"))
)


def has_unfinished(tx: Tx, dag_id: str) -> bool:
    """Whether a run of the DAG has not ended. Reads ``ix_dag_run_unfinished``."""
    return tx.conn.execute(_unfinished, {"dag": dag_id}).scalar_one()


def set_interval(tx: Tx, uid: str, interval: Interval) -> None:
    """Say what a run is about."""
    tx.conn.execute(
        sa.update(dag_run)
        .where(dag_run.c.uid == uid)
        .values(data_interval_start=interval.start, data_interval_end=interval.end)
    )
    tx.ring("runs", "history")


_start = (
    sa.update(dag_run)
    .where(dag_run.c.uid == sa.bindparam("run"), dag_run.c.state == RunState.QUEUED.value)
    .values(
        state=RunState.RUNNING.value,
        start_date=sa.bindparam("now", type_=UtcTime),
        deadline=sa.bindparam("until", type_=UtcTime),
    )
)


def start(tx: Tx, deadlines: Mapping[str, datetime | None]) -> None:
    """queued → running: each of these runs, by uid, until its deadline at most."""
    tx.conn.execute(_start, [{"run": uid, "now": tx.now, "until": until} for uid, until in deadlines.items()])
    tx.ring("history")
    if any(until is not None for until in deadlines.values()):
        tx.ring("timers")


class RunEnd(NamedTuple):
    """A run that ends, and as what; why, if that is not plain from its tasks."""

    uid: str
    state: str
    reason: str = ""


@cache
def _finish() -> ReturningUpdate[*tuple[Any, ...]]:
    ends = rowset((("uid", Text), ("state", Text), ("reason", Text)))
    return (
        sa.update(dag_run)
        .where(dag_run.c.uid == ends.c.uid, dag_run.c.state.not_in([one.value for one in FINISHED_RUN]))
        .values(
            state=ends.c.state, reason=ends.c.reason, end_date=sa.bindparam("now", type_=UtcTime), deadline=None
        )
        .returning(*_WATCHED, dag_run.c.backfill_id, dag_run.c.uid)
    )


def finish(tx: Tx, ends: Sequence[RunEnd]) -> set[str]:
    """End runs; the answer has the uids of those that had not ended before."""
    rows = encode_rows(RunEnd._fields, [one._asdict() for one in ends])
    ended = tx.conn.execute(_finish(), {ROWS: rows, "now": tx.now}).all()
    _touch(tx, [row[: len(_WATCHED)] for row in ended])
    # A run that ends makes room for the next one of its DAG.
    tx.ring("runs", "history")
    if any(row.backfill_id is not None for row in ended):
        tx.ring("backfills")
    return {row.uid for row in ended}


_WATCHED: Final = (dag_run.c.watched, dag_run.c.dag_id, dag_run.c.run_id, dag_run.c.logical_date)


def _touch(tx: Tx, changed: Sequence[Sequence[Any]]) -> None:
    """Tell those who watch a run that its state has changed."""
    for watched, dag_id, run_id, logical_date in changed:
        if watched:
            watches.touch(tx, dag_id, run_id, logical_date)


def reopen(tx: Tx, uid: str) -> bool:
    """success, failed → queued: it has to find room again; False if it has not ended."""
    answer = tx.conn.execute(
        sa.update(dag_run)
        .where(dag_run.c.uid == uid, dag_run.c.state.in_([one.value for one in FINISHED_RUN]))
        .values(state=RunState.QUEUED.value, queued_at=tx.now, start_date=None, end_date=None, reason="")
    )
    tx.ring("runs", "history")
    return answer.rowcount > 0


def explain(tx: Tx, uid: str, reason: str) -> None:
    """Say why a run will end as failed, however its tasks end; nothing: that it goes by its tasks after all."""
    tx.conn.execute(sa.update(dag_run).where(dag_run.c.uid == uid).values(reason=reason))
    tx.ring("history")


def correct(tx: Tx, uid: str, state: RunState, *, reason: str = "") -> None:
    """Say of a run that has ended how it has."""
    changed = tx.conn.execute(
        sa.update(dag_run)
        .where(dag_run.c.uid == uid, dag_run.c.state.in_([one.value for one in FINISHED_RUN]))
        .values(state=state.value, reason=reason)
        .returning(*_WATCHED)
    ).all()
    _touch(tx, changed)
    tx.ring("history")
