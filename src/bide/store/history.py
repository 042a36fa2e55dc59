"""The states that task instances entered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.schema import task_error, task_event


class EventView(NamedTuple):
    """A state that an instance entered."""

    epoch: int
    state: str
    at: datetime
    by: str
    #: Why, if that was an error.
    error: str = ""


def history(tx: Tx, instance_uids: Sequence[str]) -> dict[str, list[EventView]]:
    """The states that these instances entered, in order."""
    found: dict[str, list[EventView]] = defaultdict(list)
    # Chunks keep the statement below the number of parameters that SQLite takes.
    for start in range(0, len(instance_uids), 10_000):
        rows = tx.conn.execute(
            sa.select(
                task_event.c.instance_uid,
                task_event.c.epoch,
                task_event.c.state,
                task_event.c.at,
                task_event.c.by,
                sa.func.coalesce(task_error.c.error, ""),
            )
            .outerjoin_from(
                task_event,
                task_error,
                sa.and_(
                    task_error.c.instance_uid == task_event.c.instance_uid,
                    task_error.c.epoch == task_event.c.epoch,
                    task_error.c.state == task_event.c.state,
                ),
            )
            .where(task_event.c.instance_uid.in_(instance_uids[start : start + 10_000]))
            .order_by(task_event.c.id)
        )
        for uid, *event in rows:
            found[uid].append(EventView(*event))
    return found
