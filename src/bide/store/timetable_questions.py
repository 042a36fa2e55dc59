"""Questions to timetables of authors' own, until they are answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from bide.store.claiming import free
from bide.store.database import Tx
from bide.store.ids import new_id
from bide.store.schema import UtcTime, timetable_question
from bide.store.scoping import in_scope

_q = timetable_question.c


class QuestionRow(NamedTuple):
    """One question."""

    uid: str
    dag_id: str
    #: The run that waits for its data interval; None: when does the DAG run next?
    run_uid: str | None
    due_at: datetime
    attempts: int
    error: str


_of_dag = sa.delete(timetable_question).where(
    _q.dag_id == sa.bindparam("dag"), sa.text("timetable_question.run_uid IS NULL")
)


def ask_next_run(tx: Tx, dag_id: str) -> None:
    """Have the DAG's timetable asked when it runs next, whatever was asked before."""
    withdraw(tx, dag_id)
    _insert(tx, dag_id, None)


def ask_interval(tx: Tx, dag_id: str, run_uid: str) -> None:
    """Have the DAG's timetable asked what a run by hand is about; the run does not start before."""
    _insert(tx, dag_id, run_uid)


def withdraw(tx: Tx, dag_id: str) -> None:
    """Nobody wants to know any more when the DAG runs next."""
    tx.conn.execute(_of_dag, {"dag": dag_id})


def _insert(tx: Tx, dag_id: str, run_uid: str | None) -> None:
    tx.conn.execute(
        sa.insert(timetable_question),
        {"uid": new_id(tx.now), "dag_id": dag_id, "run_uid": run_uid, "due_at": tx.now},
    )
    tx.ring("dags")


_due = (
    sa.select(_q.uid)
    .where(_q.due_at <= sa.bindparam("now", type_=UtcTime), in_scope(_q.run_uid))
    .order_by(_q.due_at)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_claim = (
    sa.update(timetable_question)
    .where(_q.uid.in_(free(_due)))
    .values(due_at=sa.bindparam("until", type_=UtcTime), attempts=_q.attempts + 1)
    .returning(*(_q[name] for name in QuestionRow._fields))
)


def claim(tx: Tx, limit: int, lease: timedelta, only: str | None = None) -> list[QuestionRow]:
    """Questions that are due; nobody else gets them for the time of `lease`."""
    values = {"now": tx.now, "until": tx.now + lease, "limit": limit, "only": only}
    return [QuestionRow(*row) for row in tx.conn.execute(_claim, values)]


_next_due = sa.select(sa.func.min(_q.due_at)).where(in_scope(_q.run_uid))


def next_due(tx: Tx, only: str | None = None) -> datetime | None:
    """When the next question may be asked."""
    return tx.conn.execute(_next_due, {"only": only}).scalar_one()


_this = sa.and_(_q.uid == sa.bindparam("question"), _q.attempts == sa.bindparam("attempt"))
_settle = sa.delete(timetable_question).where(_this)
_postpone = (
    sa.update(timetable_question)
    .where(_this)
    .values(due_at=sa.bindparam("at", type_=UtcTime), error=sa.bindparam("why"), stack_trace=sa.bindparam("trace"))
)


def settle(tx: Tx, uid: str, attempts: int) -> bool:
    """It is answered; False if that is not wanted any more."""
    return tx.conn.execute(_settle, {"question": uid, "attempt": attempts}).rowcount > 0


def postpone(tx: Tx, uid: str, attempts: int, due_at: datetime, *, error: str = "", trace: str = "") -> None:
    """Ask again at `due_at`; `error` says why."""
    tx.conn.execute(_postpone, {"question": uid, "attempt": attempts, "at": due_at, "why": error, "trace": trace})
    tx.ring("dags")


class Trouble(NamedTuple):
    """A timetable that can't say when its DAG runs next."""

    dag_id: str
    error: str
    stack_trace: str
    due_at: datetime


def troubles(tx: Tx) -> list[Trouble]:
    """Those whose last attempt failed, by DAG."""
    rows = tx.conn.execute(
        sa.select(*(_q[name] for name in Trouble._fields)).where(_q.error != "").order_by(_q.dag_id)
    )
    return [Trouble(*row) for row in rows]
