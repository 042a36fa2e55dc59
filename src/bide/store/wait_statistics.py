"""Numbers about waits, for people: how many of what, and how fast tasks go on."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.schema import task_event, wait

#: The latest changes of state that are looked at for lags: a bound, whatever the history.
_LATEST: Final = 20_000


class WaitCount(NamedTuple):
    """Waits of one kind and trigger class."""

    kind: str
    classpath: str
    waiting: int
    #: Polls and streams that no triggerer has.
    unclaimed: int
    oldest: datetime


def count_waits(tx: Tx) -> list[WaitCount]:
    """All that is waited for, by kind and class, the most first. Reads all waits."""
    needs_triggerer = sa.and_(wait.c.session.is_(None), wait.c.kind.in_(["poll", "stream", "start"]))
    waiting = sa.func.count()
    rows = tx.conn.execute(
        sa.select(
            wait.c.kind,
            wait.c.classpath,
            waiting,
            sa.func.sum(sa.case((needs_triggerer, 1), else_=0)),
            sa.func.min(wait.c.armed_at),
        )
        .where(wait.c.ended_at.is_(None))
        .group_by(wait.c.kind, wait.c.classpath)
        .order_by(waiting.desc(), wait.c.kind, wait.c.classpath)
    )
    return [WaitCount(*row) for row in rows]


def resume_lags(tx: Tx) -> list[float]:
    """Seconds from an event to the task's running again, of the latest resumes, in order of their size."""
    changes = tx.conn.execute(
        sa.select(task_event.c.instance_uid, task_event.c.state, task_event.c.at)
        .order_by(task_event.c.id.desc())
        .limit(_LATEST)
    ).all()
    lags: list[float] = []
    before: dict[str, str] = {}
    resumed: dict[str, datetime] = {}
    for uid, state, at in reversed(changes):
        if state == "scheduled" and before.get(uid) == "deferred":
            resumed[uid] = at
        elif state == "running" and uid in resumed:
            lags.append((at - resumed.pop(uid)).total_seconds())
        elif state != "queued":
            resumed.pop(uid, None)
        before[uid] = state
    return sorted(lags)
