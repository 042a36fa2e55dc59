"""For people: which instances can't go on as things are, and why."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa

from bide.model.states import TaskState
from bide.store import pools, sessions
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import cancel_obligation, task_instance

_o = cancel_obligation.c
_ti = task_instance.c


class HoldView(NamedTuple):
    """Why the next try of an instance has to wait."""

    instance_uid: str
    #: Of the trigger whose work has to be cancelled.
    classpath: str
    #: pending while it is tried, failed once it was given up.
    state: str
    attempts: int
    error: str

    @property
    def reason(self) -> str:
        """One line."""
        said = f": {self.error}" if self.error else ""
        if self.state == "pending":
            tried = f" (attempt {self.attempts})" if self.attempts > 1 else ""
            return f"its work outside is being cancelled by {self.classpath}{tried}{said}"
        return (
            f"held, since its work outside could not be cancelled by {self.classpath}{said}; "
            "`bide tasks release` lets it go on"
        )


_holds = (
    sa.select(*(_o[name] for name in HoldView._fields))
    .where(_o.instance_uid.in_(listed("uids")), sa.text("cancel_obligation.holds"))
    .order_by(_o.uid)
)


def list_holds(tx: Tx, instance_uids: Collection[str]) -> dict[str, HoldView]:
    """What holds these instances, for those that are held; a cancel that has failed before one that is tried.

    Reads ``ix_cancel_obligation_holding``.
    """
    found: dict[str, HoldView] = {}
    for row in tx.conn.execute(_holds, {"uids": list(instance_uids)}):
        hold = HoldView(*row)
        if hold.instance_uid not in found or hold.state == "failed":
            found[hold.instance_uid] = hold
    return found


_queues = sa.select(_ti.uid, _ti.queue).where(_ti.uid.in_(listed("uids")), _ti.state == TaskState.SCHEDULED.value)


def _unserved(tx: Tx, uids: Collection[str]) -> dict[str, str]:
    """Why those wait whose queue no live engine runs tasks of; nothing where none runs tasks at all."""
    waiting = tx.conn.execute(_queues, {"uids": list(uids)}).all()
    if not waiting:
        return {}
    served = [one.queues for one in sessions.live(tx) if one.kind in sessions.RUNNING_TASKS]
    if not served or None in served:
        return {}
    names = {name for queues in served for name in queues or ()}
    return {
        uid: f"no scheduler serves queue {queue!r}: start one with --queues {queue}"
        for uid, queue in waiting
        if queue not in names
    }


_undecided = sa.select(_ti.run_uid, _ti.task_id, _ti.uid).where(
    _ti.uid.in_(listed("uids")), _ti.state == TaskState.NONE.value
)


def undecided(tx: Tx, instance_uids: Collection[str]) -> dict[str, dict[str, list[str]]]:
    """Those that nobody has decided on: uids by run and task."""
    found: dict[str, dict[str, list[str]]] = {}
    for run_uid, task_id, uid in tx.conn.execute(_undecided, {"uids": list(instance_uids)}):
        found.setdefault(run_uid, {}).setdefault(task_id, []).append(uid)
    return found


def reasons_stopped(tx: Tx, instance_uids: Collection[str]) -> dict[str, str]:
    """Why instances can't go on, by uid, for those that a cancel, a queue or a pool stops."""
    reasons = _unserved(tx, instance_uids) | pools.in_vain(tx, instance_uids)
    return reasons | {uid: hold.reason for uid, hold in list_holds(tx, instance_uids).items()}
