"""Delete runs that are older, or more, than the settings keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Final

import structlog

from bide.control.clean_history import Cleaning, clean_history
from bide.engine.scheduler.duty import Next
from bide.model.log_path import LogLayout
from bide.model.retention import Retention
from bide.observe.archive_files import archive_file
from bide.store import Store, Topic, sessions
from bide.store.xcom_purges import Elsewhere

log = structlog.get_logger("bide.retention")

#: It takes a tenth of the time of whoever writes: tasks go first.
_PACE: Final = 9.0


@dataclass(slots=True)
class DeleteHistory:
    """Looks now and then; of several engines, the one that runs longest does."""

    store: Store
    session: str
    retention: Retention
    logs: LogLayout
    #: Where archives lie; None to keep nothing of what is deleted.
    archive: Path | None = None
    #: What of XComs lies outside of the store.
    elsewhere: Elsewhere = "none"
    #: Seconds from one look to the next.
    interval: float = 3600.0
    name: ClassVar[str] = "delete_history"
    topics: ClassVar[tuple[Topic, ...]] = ()
    _due_at: datetime | None = field(default=None, init=False)

    async def run(self) -> Next:
        """Delete what is old, if it is time to look."""
        now = self.store.clock.now()
        if self._due_at is None or self._due_at <= now:
            if await self.store.read(sessions.first_scheduling) == self.session:
                archive = None if self.archive is None else archive_file(self.archive, now)
                what = Cleaning(
                    self.retention, logs=self.logs, archive=archive, elsewhere=self.elsewhere, pace=_PACE
                )
                done = await clean_history(self.store, what)
                if any(done.rows.values()):
                    log.info("history_deleted", logs=done.logs, **done.rows)
            self._due_at = self.store.clock.now() + timedelta(seconds=self.interval)
        return Next(due_at=self._due_at)
