"""Engine sessions, and the audit log of what people did."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.ids import new_id
from bide.store.schema import log, session


class SessionRow(NamedTuple):
    """An engine, past or present."""

    uid: str
    kind: str
    hostname: str
    pid: int
    started_at: datetime
    ended_at: datetime | None


def get_many(tx: Tx, uids: Collection[str]) -> dict[str, SessionRow]:
    """Sessions by uid."""
    rows = tx.conn.execute(
        sa.select(*(session.c[name] for name in SessionRow._fields)).where(session.c.uid.in_(list(uids)))
    )
    return {row.uid: SessionRow(*row) for row in rows}


def begin(tx: Tx, *, kind: str, hostname: str, pid: int) -> str:
    """A new session's uid."""
    uid = new_id(tx.now)
    tx.conn.execute(
        sa.insert(session),
        {"uid": uid, "kind": kind, "hostname": hostname, "pid": pid, "started_at": tx.now, "heartbeat_at": tx.now},
    )
    return uid


def end(tx: Tx, uid: str) -> None:
    """The session ended by itself."""
    tx.conn.execute(sa.update(session).where(session.c.uid == uid).values(ended_at=tx.now))


def audit(
    tx: Tx,
    event: str,
    *,
    owner: str,
    dag_id: str | None = None,
    run_id: str | None = None,
    task_id: str | None = None,
    extra: str = "",
) -> None:
    """Append to the audit log."""
    tx.conn.execute(
        sa.insert(log),
        {
            "dttm": tx.now,
            "event": event,
            "owner": owner,
            "dag_id": dag_id,
            "run_id": run_id,
            "task_id": task_id,
            "extra": extra,
        },
    )
