"""What deferred tasks wait for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from bide.api import models, views
from bide.api.services import Given, Paged
from bide.store.views import list_waits

router = APIRouter(prefix="/waits", tags=["Wait"])


@router.get("")
async def list_all(
    services: Given,
    page: Paged,
    dag_id: Annotated[str | None, Query(description="Only waits of this DAG.")] = None,
    dag_run_id: Annotated[str | None, Query(description="Only waits of runs with this id.")] = None,
) -> models.Waits:
    """Waits, the longest first, with the next look where that is known."""
    rows, total = await services.read(lambda tx: list_waits(tx, page, dag_id=dag_id, run_id=dag_run_id))
    looks = await services.live.next_looks([row.uid for row in rows if row.kind == "poll"])
    progress = await services.live.progress([row.uid for row in rows if row.kind in ("poll", "stream")])
    where = await services.live.where([row.uid for row in rows])
    waits = [views.wait(row, looks.get(row.uid), progress.get(row.uid), where.get(row.uid)) for row in rows]
    return models.Waits(waits=waits, total_entries=total)
