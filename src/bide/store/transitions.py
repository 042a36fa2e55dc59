"""The only writer of task instances' states.

:func:`apply` takes a transition of :data:`bide.model.states.TRANSITIONS` and the instances to take through it, each
with the epoch that the caller believes it has. Instances that have moved on are left alone and left out of the
answer: that is how a late message loses. One row per state entered goes to ``task_event`` in the same transaction,
instances that finish leave a mark, and their run's counter of unfinished ones is kept.

PostgreSQL writes the history in the statement of the update. SQLite can't insert from an UPDATE's answer, so there
they are two statements of one transaction, which nobody sees apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningUpdate

from bide.model.ids import NOT_MAPPED
from bide.model.states import FINISHED, TRANSITIONS, TaskState, Transition
from bide.store import expansions
from bide.store.database import Tx
from bide.store.rowset import ROWS, Integer, Moment, Text, encode_rows, rowset
from bide.store.schema import UtcTime, dag_run, mark, task_error, task_event, task_instance

_ti = task_instance.c

#: Columns that a transition may set together with the state, and their types.
_SETTABLE: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "try_number": Integer,
    "max_tries": Integer,
    "rescues": Integer,
    "is_resume": sa.Boolean,
    "session": Text,
    "scheduled_at": Moment,
    "queued_at": Moment,
    "start_date": Moment,
    "end_date": Moment,
    "duration": sa.Float,
    "deadline": Moment,
    "seconds_left": sa.Float,
    "due_at": Moment,
    "error": Text,
    "queue": Text,
    "pool": Text,
    "pool_slots": Integer,
    "priority_weight": Integer,
}


class Guard(NamedTuple):
    """The instance `uid` as the caller last saw it, and the columns to set with its new state."""

    uid: str
    epoch: int
    sets: Mapping[str, Any] = {}


class Moved(NamedTuple):
    """An instance that went through, with its new epoch."""

    uid: str
    epoch: int
    run_uid: str
    task_id: str
    map_index: int = NOT_MAPPED


@lru_cache(maxsize=128)
def _statement(name: str, columns: tuple[str, ...]) -> ReturningUpdate[str, int, str, str, int]:
    """UPDATE of the given instances whose epoch and state still are as expected.

    Locks: the rows it changes. Each row is found by primary key.
    """
    transition = TRANSITIONS[name]
    given = rowset((("uid", Text), ("epoch", Integer), *((column, _SETTABLE[column]) for column in columns)))
    values: dict[str, Any] = {column: given.c[column] for column in columns}
    values["state"] = transition.target.value
    if transition.fences:
        values["epoch"] = _ti.epoch + 1
    return (
        sa.update(task_instance)
        .values(values)
        .where(
            _ti.uid == given.c.uid,
            _ti.epoch == given.c.epoch,
            _ti.state.in_([sa.literal_column(f"'{state}'") for state in sorted(transition.sources)]),
        )
        .returning(_ti.uid, _ti.epoch, _ti.run_uid, _ti.task_id, _ti.map_index)
    )


_TOLD: Final = ("instance_uid", "epoch", "state", "at", "by")


@lru_cache(maxsize=128)
def _telling_statement(name: str, columns: tuple[str, ...]) -> sa.Select[str, int, str, str, int]:
    """The same, which also appends the history; for databases that can."""
    transition = TRANSITIONS[name]
    moved = _statement(name, columns).cte("moved")
    at, by = sa.bindparam("at", type_=UtcTime), sa.bindparam("by", type_=sa.String)
    target: sa.ColumnElement[str] = sa.literal_column(f"'{transition.target}'", sa.String)
    events = [sa.select(moved.c.uid, moved.c.epoch, target, at, by)]
    if transition.through is not None:
        passed: sa.ColumnElement[str] = sa.literal_column(f"'{transition.through}'", sa.String)
        scheduler: sa.ColumnElement[str] = sa.literal_column("'scheduler'", sa.String)
        events.insert(0, sa.select(moved.c.uid, moved.c.epoch - int(transition.fences), passed, at, scheduler))
    told = sa.insert(task_event).from_select(_TOLD, sa.union_all(*events)).cte("told")
    return sa.select(*moved.c).add_cte(told)


# Nobody asks for the numbers of the new rows.
_insert_events = sa.insert(task_event).inline()
_insert_marks = sa.insert(mark).inline()
_insert_errors = sa.insert(task_error).inline()
_count = (
    sa.update(dag_run)
    .where(dag_run.c.uid == sa.bindparam("run"))
    .values(unfinished=dag_run.c.unfinished + sa.bindparam("change"))
)


def apply(tx: Tx, name: str, guards: Sequence[Guard], *, by: str) -> list[Moved]:
    """Take `guards` through the transition `name`; the answer has those that went, in no special order.

    All guards of one call set the same columns. `by` says who did it, for the history.
    """
    if not guards:
        return []
    transition = TRANSITIONS[name]
    columns = tuple(guards[0].sets)
    rows = encode_rows(("uid", "epoch", *columns), [{"uid": g.uid, "epoch": g.epoch, **g.sets} for g in guards])
    if tx.conn.dialect.name == "postgresql":
        answer = tx.conn.execute(_telling_statement(name, columns), {ROWS: rows, "at": tx.now, "by": by})
        moved = [Moved(*row) for row in answer]
    else:
        moved = [Moved(*row) for row in tx.conn.execute(_statement(name, columns), {ROWS: rows})]
        _tell(tx, transition, moved, by)
    if not moved:
        return []
    if "error" in columns:
        _keep_errors(tx, transition.target, guards, moved)
    # The sources of a transition are all finished states, or none is.
    was_finished, is_finished = transition.sources <= FINISHED, transition.target in FINISHED
    if was_finished != is_finished:
        _count_unfinished(tx, moved, -1 if is_finished else 1)
    if was_finished or is_finished:
        _count_mapped(tx, moved, None if was_finished else transition.target)
    if TaskState.DEFERRED in transition.sources and transition.target is not TaskState.SCHEDULED:
        tx.ring("slots")  # of a pool in which deferred tasks count
    if is_finished:
        _leave_marks(tx, moved)
    elif transition.target is TaskState.SCHEDULED:
        tx.ring("scheduled")
    tx.ring("history")
    return moved


def _tell(tx: Tx, transition: Transition, moved: Sequence[Moved], by: str) -> None:
    """Append one history row per state that an instance has entered."""
    events = _events(tx, transition.target, moved, by)
    if transition.through is not None:
        # As the two transitions would have told it, of which this one is made.
        before = [one._replace(epoch=one.epoch - transition.fences) for one in moved]
        events = _events(tx, transition.through, before, "scheduler") + events
    if events:
        tx.conn.execute(_insert_events, events)


def _events(tx: Tx, state: TaskState, moved: Sequence[Moved], by: str) -> list[dict[str, Any]]:
    return [
        {"instance_uid": one.uid, "epoch": one.epoch, "state": state.value, "at": tx.now, "by": by} for one in moved
    ]


def _keep_errors(tx: Tx, state: TaskState, guards: Sequence[Guard], moved: Sequence[Moved]) -> None:
    """Keep with the history why these have entered `state`; the instance itself tells only of the last time."""
    errors = {guard.uid: guard.sets["error"] for guard in guards if guard.sets["error"]}
    if errors:
        rows = [
            {"instance_uid": one.uid, "epoch": one.epoch, "state": state.value, "error": errors[one.uid]}
            for one in moved
            if one.uid in errors
        ]
        if rows:
            tx.conn.execute(_insert_errors, rows)


def _count_unfinished(tx: Tx, moved: Sequence[Moved], change: int) -> None:
    counts = Counter(one.run_uid for one in moved)
    tx.conn.execute(_count, [{"run": run, "change": change * count} for run, count in counts.items()])


def _count_mapped(tx: Tx, moved: Sequence[Moved], entered: TaskState | None) -> None:
    """Keep the counts of expanded tasks: `entered` is what unfinished instances have become."""
    counts = Counter((one.run_uid, one.task_id) for one in moved if one.map_index != NOT_MAPPED)
    if not counts:
        return
    if entered is None:
        expansions.recount(tx, sorted(counts))
    else:
        expansions.add(tx, entered, counts)


def _leave_marks(tx: Tx, moved: Sequence[Moved]) -> None:
    tx.conn.execute(
        _insert_marks,
        [{"run_uid": one.run_uid, "task_id": one.task_id, "map_index": one.map_index} for one in moved],
    )
    tx.ring("marks")
