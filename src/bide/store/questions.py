"""Questions of tasks to people, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from bide.model.questions import Answer, Question
from bide.store.database import Tx
from bide.store.schema import question, task_instance, wait
from bide.store.upserting import upsert

_q = question.c


class QuestionRow(NamedTuple):
    """A question, who asks it, and how it stands."""

    instance_uid: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    question: Question
    asked_at: datetime
    answer: Answer | None
    answered_by: str
    answered_at: datetime | None
    #: Whether the task waits for the answer.
    is_open: bool


_insert = upsert(question)
_ask = _insert.on_conflict_do_update(
    index_elements=["instance_uid"],
    set_={
        name: _insert.excluded[name]
        for name in ("wait_uid", "spec", "asked_at", "answer", "answered_by", "answered_at")
    },
)
_ti = task_instance.c
_is_open = sa.exists().where(wait.c.uid == _q.wait_uid, wait.c.ended_at.is_(None))
_row = sa.select(
    _q.instance_uid,
    _ti.dag_id,
    _ti.run_id,
    _ti.task_id,
    _ti.map_index,
    _q.spec,
    _q.asked_at,
    _q.answer,
    _q.answered_by,
    _q.answered_at,
    _is_open.label("is_open"),
).select_from(question.join(task_instance, _ti.uid == _q.instance_uid))


def ask(tx: Tx, asked: Sequence[tuple[str, str, Question]]) -> None:
    """Questions by instance and wait; an instance's earlier one is forgotten."""
    if asked:
        rows = [
            {
                "instance_uid": instance_uid,
                "wait_uid": wait_uid,
                "spec": msgspec.json.encode(one),
                "asked_at": tx.now,
                "answer": None,
                "answered_by": "",
                "answered_at": None,
            }
            for instance_uid, wait_uid, one in asked
        ]
        tx.conn.execute(_ask, rows)


def find(tx: Tx, instance_uid: str) -> QuestionRow | None:
    """What this instance has asked last."""
    row = tx.conn.execute(_row.where(_q.instance_uid == instance_uid)).one_or_none()
    return None if row is None else _read(row)


def listed(
    tx: Tx, *, dag_id: str | None = None, run_id: str | None = None, only_open: bool = False
) -> list[QuestionRow]:
    """Questions, the newest first."""
    query = _row.order_by(_q.asked_at.desc(), _q.instance_uid)
    if dag_id is not None:
        query = query.where(_ti.dag_id == dag_id)
    if run_id is not None:
        query = query.where(_ti.run_id == run_id)
    if only_open:
        query = query.where(_is_open)
    return [_read(row) for row in tx.conn.execute(query)]


def answer(tx: Tx, instance_uid: str, given: Answer, by: str) -> None:
    """Keep what was answered."""
    tx.conn.execute(
        sa.update(question)
        .where(_q.instance_uid == instance_uid)
        .values(answer=msgspec.json.encode(given), answered_by=by, answered_at=tx.now)
    )


def _read(row: Sequence[Any]) -> QuestionRow:
    found = QuestionRow(*row)
    spec: Any = found.question
    given: Any = found.answer
    return found._replace(
        question=msgspec.json.decode(spec, type=Question),
        answer=None if given is None else msgspec.json.decode(given, type=Answer),
    )
