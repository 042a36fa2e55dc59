"""For people: which instances can't go on as things are, and why."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa

from bide.store import pools
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import cancel_obligation

_o = cancel_obligation.c


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


def reasons_held(tx: Tx, instance_uids: Collection[str]) -> dict[str, str]:
    """Why instances can't go on, by uid, for those that can't: a cancel, or a pool that can't take them."""
    reasons = pools.in_vain(tx, instance_uids)
    return reasons | {uid: hold.reason for uid, hold in list_holds(tx, instance_uids).items()}
