"""What people write about task instances."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import task_instance_note

_n = task_instance_note.c
_of = sa.select(_n.instance_uid, _n.content).where(_n.instance_uid.in_(listed("uids")))
_delete = sa.delete(task_instance_note).where(_n.instance_uid.in_(listed("uids")))


def set_notes(tx: Tx, uids: Collection[str], content: str) -> None:
    """Write this about each of these instances; an empty text removes what was written."""
    tx.conn.execute(_delete, {"uids": list(uids)})
    if content and uids:
        rows = [{"instance_uid": uid, "content": content, "updated_at": tx.now} for uid in uids]
        tx.conn.execute(sa.insert(task_instance_note), rows)


def list_notes(tx: Tx, uids: Collection[str]) -> dict[str, str]:
    """What was written about these instances, for those about which something was."""
    return dict(tx.conn.execute(_of, {"uids": list(uids)}).all()) if uids else {}
