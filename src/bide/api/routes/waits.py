"""What deferred tasks wait for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from bide.api import models, wait_models
from bide.api.services import Given, Paged, Services, User
from bide.api.wait_views import shown_waits, statistics
from bide.control.cancel_wait import cancel_wait
from bide.control.wait_statistics import wait_statistics
from bide.model.errors import NotFound
from bide.store.views import WaitView, list_waits
from bide.store.waits import get_many

router = APIRouter(prefix="/waits", tags=["Wait"])

_MISSING = {404: {"model": models.Problem}}


@router.get("")
async def list_all(
    services: Given,
    page: Paged,
    dag_id: Annotated[str | None, Query(description="Only waits of this DAG.")] = None,
    dag_run_id: Annotated[str | None, Query(description="Only waits of runs with this id.")] = None,
) -> wait_models.Waits:
    """Waits, the longest first, with the next look where that is known."""
    rows, total = await services.read(lambda tx: list_waits(tx, page, dag_id=dag_id, run_id=dag_run_id))
    return wait_models.Waits(waits=await shown_waits(services, rows), total_entries=total)


@router.get("/stats")
async def get_statistics(services: Given) -> wait_models.WaitStatistics:
    """Counts by kind and class, lag of resumes, lag of looks, and the triggerers that are alive."""
    return statistics(await wait_statistics(services.store, await services.live.triggerers()))


@router.get("/{wait_id}", responses=_MISSING)  # pyright: ignore[reportArgumentType]  # ints are fine as keys
async def get(wait_id: str, services: Given) -> wait_models.WaitDetail:
    """One wait and all that it is made of."""
    rows = await _of_task(services, wait_id)
    shown = {one.id: one for one in await shown_waits(services, rows)}
    parts: list[wait_models.Wait] = []
    below = {wait_id}
    for row in rows:
        # A part comes after what it is a part of.
        if row.parent_uid in below:
            below.add(row.uid)
            parts.append(shown[row.uid])
    return wait_models.WaitDetail(**shown[wait_id].model_dump(), parts=parts)


@router.post("/{wait_id}/cancel", responses={**_MISSING, 409: {"model": models.Problem}})
async def cancel(wait_id: str, services: Given, user: User) -> wait_models.WaitCancelled:
    """End what its task waits for, all of it: work outside is cancelled, the task fails without another try."""
    rows = await _of_task(services, wait_id)
    return wait_models.WaitCancelled(subject=await cancel_wait(services.store, rows[0].instance_uid, by=user))


async def _of_task(services: Services, wait_id: str) -> list[WaitView]:
    """All waits of the task that has this one."""
    row = (await services.read(lambda tx: get_many(tx, [wait_id]))).get(wait_id)
    if row is None or row.ended_at is not None:
        raise NotFound(f"there is no wait {wait_id!r}: it is over, or has never been")
    found, _ = await services.read(lambda tx: list_waits(tx, instance_uids=[row.instance_uid]))
    return sorted(found, key=lambda one: one.uid)
