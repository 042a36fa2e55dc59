"""Watches: which runs a wait has an eye on, and which of them have changed since it was looked at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from bide.model.watching import Watch
from bide.store.claiming import decide_alone
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import UtcTime, dag_run, wait, watch
from bide.store.scoping import in_scope

_w = watch.c


class Touched(NamedTuple):
    """A watch, and one of the runs that it names, to which something has happened."""

    wait_uid: str
    position: int
    watch: Watch
    #: How often; a look that began before the last time has to be repeated.
    touches: int


_insert = sa.insert(watch)
_flag = sa.update(dag_run).where(dag_run.c.dag_id == sa.bindparam("dag")).values(watched=True)
_flag_by_id = _flag.where(dag_run.c.run_id == sa.bindparam("run"))
_flag_by_date = _flag.where(dag_run.c.logical_date == sa.bindparam("date", type_=UtcTime))


def insert(tx: Tx, watches: Sequence[tuple[str, Watch]]) -> None:
    """Watch on behalf of waits, by their uids. The runs that are there know from now on that they are watched.

    Locks those runs: whoever changes one of them now is either seen by the first look, or sees the watch.
    """
    rows: list[dict[str, Any]] = []
    for wait_uid, one in watches:
        spec = msgspec.json.encode(one)
        targets = [(run_id, None) for run_id in one.run_ids]
        targets += [(None, datetime.fromisoformat(date)) for date in one.logical_dates]
        rows += [
            {
                "wait_uid": wait_uid,
                "position": position,
                "dag_id": one.dag_id,
                "run_id": run_id,
                "logical_date": date,
                "spec": spec,
                "touches": 1,
            }
            for position, (run_id, date) in enumerate(targets)
        ]
    if not rows:
        return
    tx.conn.execute(_insert, rows)
    decide_alone(tx, "watch_runs")  # a run that is made at this moment either is found here, or sees the watch
    found = {(row["dag_id"], row["run_id"], row["logical_date"]) for row in rows}
    ordered = sorted(found, key=lambda one: (one[0], one[1] or "", one[2].isoformat() if one[2] else ""))
    for dag, run, date in ordered:
        if date is None:
            tx.conn.execute(_flag_by_id, {"dag": dag, "run": run})
        else:
            tx.conn.execute(_flag_by_date, {"dag": dag, "date": date})
    tx.ring("watches")


_touch = (
    sa.update(watch)
    .where(
        _w.dag_id == sa.bindparam("dag"),
        sa.or_(_w.run_id == sa.bindparam("run"), _w.logical_date == sa.bindparam("date", type_=UtcTime)),
    )
    .values(touches=_w.touches + 1)
)


def touch(tx: Tx, dag_id: str, run_id: str, logical_date: datetime | None) -> bool:
    """Have the watches of this run looked at; False if there is none."""
    done = tx.conn.execute(_touch, {"dag": dag_id, "run": run_id, "date": logical_date})
    if done.rowcount:
        tx.ring("watches")
    return done.rowcount > 0


_watched_dag = sa.select(sa.exists().where(_w.dag_id == sa.bindparam("dag")))


def any_of(tx: Tx, dag_id: str) -> bool:
    """Whether runs of this DAG are watched, those that are still to be made among them. Reads ``ix_watch_dag``."""
    return bool(tx.conn.execute(_watched_dag, {"dag": dag_id}).scalar_one())


_touched = (
    sa.select(_w.wait_uid, _w.position, _w.spec, _w.touches)
    .select_from(watch.join(wait, wait.c.uid == _w.wait_uid))
    .where(sa.text("watch.touches > 0"), in_scope(wait.c.run_uid))
    .limit(sa.bindparam("limit", type_=sa.Integer))
)


def touched(tx: Tx, limit: int, only: str | None = None) -> list[Touched]:
    """Up to `limit` changes of runs to look at. Reads ``ix_watch_touched``."""
    rows = tx.conn.execute(_touched, {"limit": limit, "only": only})
    return [
        Touched(uid, place, msgspec.json.decode(spec, type=Watch), touches) for uid, place, spec, touches in rows
    ]


_settle = (
    sa.update(watch)
    .where(
        _w.wait_uid == sa.bindparam("of"),
        _w.position == sa.bindparam("place"),
        _w.touches == sa.bindparam("seen"),
    )
    .values(touches=0)
)


def settle(tx: Tx, looked_at: Sequence[Touched]) -> None:
    """Nothing has come of these looks: wait for the next touch. Those touched meanwhile stay as they are."""
    if looked_at:
        seen = [{"of": one.wait_uid, "place": one.position, "seen": one.touches} for one in looked_at]
        tx.conn.execute(_settle, seen)


_delete = sa.delete(watch).where(_w.wait_uid.in_(listed("uids")))


def delete(tx: Tx, wait_uids: Collection[str]) -> None:
    """These waits need not be looked at any more."""
    if wait_uids:
        tx.conn.execute(_delete, {"uids": list(wait_uids)})
