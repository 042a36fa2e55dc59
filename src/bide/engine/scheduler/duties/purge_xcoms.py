"""Have removed what XComs of deleted runs have left outside of the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final, Protocol

import structlog

from bide.engine.scheduler.duty import Next
from bide.store import Store, Topic, Tx, xcom_purges
from bide.store.xcom_purges import PurgeRow
from bide.wire.purge_messages import StoredAway

log = structlog.get_logger("bide.retention")

_BATCH: Final = 100
#: So long nobody else takes what somebody has taken.
_LEASE: Final = timedelta(minutes=10)
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(days=1)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts that have failed."""
    return min(_FIRST_PAUSE * 2 ** min(attempts - 1, 20), _LONGEST_PAUSE)


class Purges(Protocol):
    """Whoever removes them: :class:`bide.engine.xcom_purger.XComPurger`."""

    async def purge(self, items: Sequence[StoredAway]) -> dict[int, str]:
        """Why which of them could not be removed, by id."""
        ...


@dataclass(frozen=True, slots=True)
class RemoveXComs:
    """Tries until it is done: what is left behind costs money for ever."""

    store: Store
    purger: Purges
    name: ClassVar[str] = "purge_xcoms"
    topics: ClassVar[tuple[Topic, ...]] = ("purges",)

    async def run(self) -> Next:
        """Remove what is due."""
        due_at = await self.store.read(xcom_purges.next_due)
        if due_at is None or due_at > self.store.clock.now():
            return Next(due_at=due_at)
        rows = await self.store.write(lambda tx: xcom_purges.claim(tx, _BATCH, _LEASE))
        if rows:
            errors = await self.purger.purge([_item(row) for row in rows])
            for row in rows:
                if row.id in errors:
                    log.warning("xcoms_left_behind", dag_id=row.dag_id, run_id=row.run_id, error=errors[row.id])
            await self.store.write(lambda tx: _settle(tx, rows, errors))
        return Next(again=True)


def _settle(tx: Tx, rows: Sequence[PurgeRow], errors: dict[int, str]) -> None:
    xcom_purges.delete(tx, [row.id for row in rows if row.id not in errors])
    failed = {row.id: (tx.now + pause_after(row.attempts), errors[row.id]) for row in rows if row.id in errors}
    xcom_purges.put_off(tx, failed)


def _item(row: PurgeRow) -> StoredAway:
    return StoredAway(
        row.id,
        row.dag_id,
        row.run_id,
        row.task_id,
        -1 if row.map_index is None else row.map_index,
        row.key or "",
        row.value or b"",
    )
