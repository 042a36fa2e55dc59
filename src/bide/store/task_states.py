"""What instances keep between their tries: jobs, journals, checkpoints, and what tasks write down themselves."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import task_state

# What the task itself has written down for good (kind user) outlives a clear, as XComs of other tasks do.
_delete_progress = sa.delete(task_state).where(
    task_state.c.instance_uid.in_(listed("uids")), task_state.c.kind.in_(["job", "journal", "checkpoint"])
)


def delete_progress(tx: Tx, instance_uids: Collection[str]) -> None:
    """The next try attaches to no job, replays no step and starts from no checkpoint."""
    if instance_uids:
        tx.conn.execute(_delete_progress, {"uids": list(instance_uids)})
