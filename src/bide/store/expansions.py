"""Mapped tasks that were expanded in a run: over how much, and how many of their instances have ended how."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from bide.model.ids import NOT_MAPPED
from bide.model.states import FINISHED, TaskState
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import expansion, task_instance
from bide.store.upserting import upsert

_ti = task_instance.c
_STATES = sorted(FINISHED)


class Measure(NamedTuple):
    """How long one leaf is that a task is expanded over."""

    length: int
    #: How many instances the task has whose results these are; None if it is not mapped.
    instances: int | None = None
    #: When the result was left: tells it apart from one that was there before. Empty where it is none.
    stamp: str = ""


class ExpansionRow(NamedTuple):
    """One expanded task of a run."""

    run_uid: str
    task_id: str
    measures: tuple[Measure, ...]
    total: int
    #: What is not finished counts as ``none``.
    counts: Mapping[TaskState, int]


_rows: sa.Select[*tuple[Any, ...]] = sa.select(
    expansion.c.run_uid,
    expansion.c.task_id,
    expansion.c.lengths,
    expansion.c.total,
    *(expansion.c[state.value] for state in _STATES),
).where(expansion.c.run_uid.in_(listed("runs")), expansion.c.task_id.in_(listed("tasks")))


def get_many(tx: Tx, run_uids: Collection[str], task_ids: Collection[str]) -> dict[tuple[str, str], ExpansionRow]:
    """The expansions of these tasks in these runs, by (run uid, task id); those not expanded are left out."""
    found: dict[tuple[str, str], ExpansionRow] = {}
    rows: Iterable[Sequence[Any]] = tx.conn.execute(_rows, {"runs": list(run_uids), "tasks": list(task_ids)})
    for run_uid, task_id, lengths, total, *numbers in rows:
        counts: dict[TaskState, int] = dict(zip(_STATES, numbers, strict=True))
        counts[TaskState.NONE] = total - sum(counts.values())
        measures = tuple(Measure(*one) for one in json.loads(lengths))
        found[run_uid, task_id] = ExpansionRow(run_uid, task_id, measures, total, counts)
    return found


_insert = upsert(expansion)
_put = _insert.on_conflict_do_update(
    index_elements=["run_uid", "task_id"],
    set_={name: _insert.excluded[name] for name in ("lengths", "total")},
)


def put(tx: Tx, run_uid: str, totals: Mapping[str, int], measures: Sequence[Measure]) -> None:
    """Note that these tasks were expanded, into so many instances each. What was counted stays."""
    tx.conn.execute(
        _put,
        [
            {"run_uid": run_uid, "task_id": task_id, "lengths": json.dumps(measures), "total": total}
            for task_id, total in totals.items()
        ],
    )


_forget = sa.delete(expansion).where(
    expansion.c.run_uid == sa.bindparam("run"), expansion.c.task_id.in_(listed("tasks"))
)


def forget(tx: Tx, run_uid: str, task_ids: Collection[str]) -> None:
    """These tasks are not mapped any more."""
    tx.conn.execute(_forget, {"run": run_uid, "tasks": list(task_ids)})


_of = (expansion.c.run_uid == sa.bindparam("run"), expansion.c.task_id == sa.bindparam("task"))
_add = {
    state: sa.update(expansion).where(*_of).values({state.value: expansion.c[state.value] + sa.bindparam("number")})
    for state in _STATES
}


def add(tx: Tx, state: TaskState, counts: Mapping[tuple[str, str], int]) -> None:
    """So many instances of these (run, task) have ended as `state`."""
    tx.conn.execute(
        _add[state],
        [{"run": run, "task": task, "number": number} for (run, task), number in sorted(counts.items())],
    )


_instances = sa.select(sa.func.count()).where(
    _ti.run_uid == expansion.c.run_uid, _ti.task_id == expansion.c.task_id, _ti.map_index != NOT_MAPPED
)
_recount = (
    sa.update(expansion)
    .where(*_of)
    .values({state.value: _instances.where(_ti.state == state.value).scalar_subquery() for state in _STATES})
)


def recount(tx: Tx, tasks: Collection[tuple[str, str]]) -> None:
    """Count the instances of these (run, task) anew; for what people do, which may be anything at once."""
    tx.conn.execute(_recount, [{"run": run, "task": task} for run, task in tasks])


def move_first(tx: Tx, placeholders: Mapping[str, int]) -> set[str]:
    """Make these instances (uid: epoch), which stood for all of their task, the first of it; those that it took."""
    moved: set[str] = set()
    for uid, epoch in placeholders.items():
        answer = tx.conn.execute(_move_first, {"uid_": uid, "epoch_": epoch})
        if answer.rowcount:
            moved.add(uid)
    return moved


_move_first: Any = (
    sa.update(task_instance)
    .where(
        _ti.uid == sa.bindparam("uid_"),
        _ti.epoch == sa.bindparam("epoch_"),
        _ti.state == TaskState.NONE.value,
        _ti.map_index == NOT_MAPPED,
    )
    .values(map_index=0)
)
