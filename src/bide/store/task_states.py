"""What instances keep between their tries: jobs, journals, checkpoints, and what tasks write down themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import task_state

_t = task_state.c

#: Name spaces; a key means nothing outside of its own.
Kind = Literal["job", "journal", "checkpoint", "user"]


class TaskStateRow(NamedTuple):
    """One value. `value` is sealed in the database."""

    instance_uid: str
    kind: Kind
    key: str
    value: bytes
    #: Order within the kind, where that matters.
    position: int = 0


_insert = upsert(task_state)
_put = _insert.on_conflict_do_update(
    index_elements=["instance_uid", "kind", "key"],
    set_={
        "value": _insert.excluded.value,
        "position": _insert.excluded.position,
        "updated_at": _insert.excluded.updated_at,
    },
)
_UIDS = listed("uids")
_of_kind = (
    sa.select(*(_t[name] for name in TaskStateRow._fields))
    .where(_t.instance_uid.in_(_UIDS), _t.kind == sa.bindparam("of"))
    .order_by(_t.instance_uid, _t.position, _t.key)
)
# What the task itself has written down for good (kind user) outlives a clear, as XComs of other tasks do.
_delete_progress = sa.delete(task_state).where(
    _t.instance_uid.in_(_UIDS), _t.kind.in_(["job", "journal", "checkpoint"])
)


def put(tx: Tx, rows: Sequence[TaskStateRow]) -> None:
    """Store values; what had the same key before is replaced."""
    if rows:
        tx.conn.execute(_put, [{**row._asdict(), "updated_at": tx.now} for row in rows])


def get(tx: Tx, instance_uids: Collection[str], kind: Kind) -> dict[str, list[TaskStateRow]]:
    """All values of one kind, by instance, in order. Reads the primary key's index."""
    found: dict[str, list[TaskStateRow]] = {}
    for row in tx.conn.execute(_of_kind, {"uids": list(instance_uids), "of": kind}):
        found.setdefault(row.instance_uid, []).append(TaskStateRow(*row))
    return found


def get_one(tx: Tx, instance_uid: str, kind: Kind, key: str) -> TaskStateRow | None:
    """One value."""
    row = tx.conn.execute(
        sa.select(*(_t[name] for name in TaskStateRow._fields)).where(
            _t.instance_uid == instance_uid, _t.kind == kind, _t.key == key
        )
    ).one_or_none()
    return None if row is None else TaskStateRow(*row)


def delete_progress(tx: Tx, instance_uids: Collection[str]) -> None:
    """The next try attaches to no job, replays no step and starts from no checkpoint."""
    if instance_uids:
        tx.conn.execute(_delete_progress, {"uids": list(instance_uids)})


def delete_one(tx: Tx, instance_uid: str, kind: Kind, key: str) -> bool:
    """Forget one value; False if there was none."""
    done = tx.conn.execute(
        sa.delete(task_state).where(_t.instance_uid == instance_uid, _t.kind == kind, _t.key == key)
    )
    return done.rowcount == 1


_delete_kind = sa.delete(task_state).where(_t.instance_uid.in_(_UIDS), _t.kind == sa.bindparam("of"))


def delete_kind(tx: Tx, instance_uids: Collection[str], kind: Kind) -> None:
    """Forget all values of one kind."""
    if instance_uids:
        tx.conn.execute(_delete_kind, {"uids": list(instance_uids), "of": kind})
