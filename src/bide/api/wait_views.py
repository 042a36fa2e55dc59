"""Waits as answers: rows of the store with what only engines know of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bide.api import wait_models as models
from bide.api.services import Services
from bide.api.views import first_end
from bide.control.wait_statistics import WaitStatistics, why_unserved
from bide.model.dag_modules import shown
from bide.store import sessions
from bide.store.views import WaitView


async def shown_waits(services: Services, rows: Sequence[WaitView]) -> list[models.Wait]:
    """These waits, with next looks, progress, and who looks after them."""
    live, held = services.live, [row.uid for row in rows if row.kind in ("poll", "stream")]
    looks = await live.next_looks([row.uid for row in rows if row.kind == "poll"])
    progress = await live.progress(held)
    where = await live.where([row.uid for row in rows])
    triggerers = await live.triggerers()
    owners = {row.session for row in rows if row.session is not None}
    lost = await services.read(lambda tx: sessions.lost(tx, owners))
    now = services.store.clock.now()
    return [
        models.Wait(
            id=row.uid,
            dag_id=row.dag_id,
            dag_run_id=row.run_id,
            task_id=row.task_id,
            map_index=row.map_index,
            kind=row.kind,
            trigger=shown(row.classpath),
            subject=row.subject,
            since=row.armed_at,
            until=first_end(row),
            due_at=row.due_at,
            interval=row.interval,
            next_look=looks.get(row.uid),
            progress=_as(models.Progress, progress.get(row.uid)),
            held_by=row.session,
            where=where.get(row.uid),
            queue=row.queue,
            unserved=why_unserved(row, triggerers, lost, now),
        )
        for row in rows
    ]


def statistics(found: WaitStatistics) -> models.WaitStatistics:
    """All of them."""
    return models.WaitStatistics(
        counts=[
            models.WaitCount(
                kind=one.kind,
                trigger=shown(one.classpath),
                waiting=one.waiting,
                unclaimed=one.unclaimed,
                oldest=one.oldest,
            )
            for one in found.counts
        ],
        resume_lag=models.ResumeLags.model_validate(found.lags),
        looks=models.LookTimes.model_validate(found.looks),
        triggerers=[models.Triggerer.model_validate(one) for one in found.triggerers],
    )


def _as(model: Any, found: object) -> Any:
    return None if found is None else model.model_validate(found)
