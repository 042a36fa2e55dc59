"""Backfills: list, get, make, try, pause, cancel."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query

from bide.api import backfill_models, models
from bide.api.services import Given, Paged, Services, User
from bide.control.change_backfill import cancel_backfill, pause_backfill
from bide.control.create_backfill import BackfillRequest, create_backfill, plan_backfill
from bide.model.backfills import Reprocess
from bide.store.backfill_views import BackfillView, list_backfills, list_dates, view_backfill

router = APIRouter(prefix="/backfills", tags=["Backfill"], responses={404: {"model": models.Problem}})

_MAY_CONFLICT: dict[int | str, dict[str, Any]] = {409: {"model": models.Problem}}


@router.get("")
async def list_all(
    services: Given,
    page: Paged,
    dag_id: Annotated[str | None, Query(description="Only those of this DAG.")] = None,
    active: Annotated[bool, Query(description="Only those that are not over.")] = False,
) -> backfill_models.Backfills:
    """Backfills, the newest first."""
    found, total = await services.read(lambda tx: list_backfills(tx, page, dag_id=dag_id, only_active=active))
    return backfill_models.Backfills(backfills=[_shown(view) for view in found], total_entries=total)


@router.post("", responses=_MAY_CONFLICT)
async def make(body: backfill_models.NewBackfill, services: Given, user: User) -> backfill_models.Backfill:
    """Make a backfill. It is stored when this answers; the scheduler makes its runs as there is room."""
    row = await create_backfill(services.store, _asked(body), by=user)
    return await _get(services, row.id)


@router.post("/dry_run")
async def dry_run(body: backfill_models.NewBackfill, services: Given) -> backfill_models.DryRun:
    """What a backfill would do about each date."""
    planned = await plan_backfill(services.store, _asked(body))
    dates = [
        backfill_models.DryRunDate(
            logical_date=one.logical_date,
            data_interval_start=one.interval.start,
            data_interval_end=one.interval.end,
            step=one.step,
            dag_run_id=one.run_id,
        )
        for one in planned
    ]
    return backfill_models.DryRun(backfills=dates, total_entries=len(dates))


@router.get("/{backfill_id}")
async def get_one(backfill_id: int, services: Given) -> backfill_models.Backfill:
    """One backfill."""
    return await _get(services, backfill_id)


@router.get("/{backfill_id}/dates")
async def dates(backfill_id: int, services: Given, page: Paged) -> backfill_models.BackfillDates:
    """What came of its dates."""
    await _get(services, backfill_id)
    found = await services.read(lambda tx: list_dates(tx, backfill_id))
    shown = [
        backfill_models.BackfillDate(
            logical_date=one.logical_date,
            data_interval_start=one.data_interval_start,
            data_interval_end=one.data_interval_end,
            dag_run_id=one.run_id,
            state=one.state,
            reason=one.reason,
        )
        for one in found[page.offset :][: page.limit]
    ]
    return backfill_models.BackfillDates(dates=shown, total_entries=len(found))


@router.put("/{backfill_id}/pause", responses=_MAY_CONFLICT)
async def pause(backfill_id: int, services: Given, user: User) -> backfill_models.Backfill:
    """Start no further runs of it; those that run go on."""
    await pause_backfill(services.store, backfill_id, True, by=user)
    return await _get(services, backfill_id)


@router.put("/{backfill_id}/unpause", responses=_MAY_CONFLICT)
async def unpause(backfill_id: int, services: Given, user: User) -> backfill_models.Backfill:
    """Let it go on."""
    await pause_backfill(services.store, backfill_id, False, by=user)
    return await _get(services, backfill_id)


@router.put("/{backfill_id}/cancel", responses=_MAY_CONFLICT)
async def cancel(
    backfill_id: int,
    services: Given,
    user: User,
    stop_runs: Annotated[bool, Query(description="End its runs that run, too.")] = False,
) -> backfill_models.Backfill:
    """End it: its further dates get no runs."""
    await cancel_backfill(services.store, backfill_id, stop_runs=stop_runs, by=user)
    return await _get(services, backfill_id)


def _asked(body: backfill_models.NewBackfill) -> BackfillRequest:
    return BackfillRequest(
        body.dag_id,
        body.from_date,
        body.to_date,
        reprocess=body.reprocess_behavior,
        only_failed=body.only_failed_tasks,
        backwards=body.run_backwards,
        max_active_runs=body.max_active_runs,
        conf=body.dag_run_conf or {},
    )


async def _get(services: Services, number: int) -> backfill_models.Backfill:
    return _shown(await services.find(lambda tx: view_backfill(tx, number), f"there is no backfill {number}"))


def _shown(view: BackfillView) -> backfill_models.Backfill:
    row = view.row
    return backfill_models.Backfill(
        id=row.id,
        dag_id=row.dag_id,
        dag_display_name=row.dag_id,
        from_date=row.from_date,
        to_date=row.to_date,
        dag_run_conf=msgspec.json.decode(row.conf, type=dict[str, Any]),
        is_paused=row.is_paused,
        reprocess_behavior=Reprocess(row.reprocess_behavior),
        only_failed_tasks=row.only_failed,
        run_backwards=row.run_backwards,
        max_active_runs=row.max_active_runs,
        created_at=row.created_at,
        updated_at=row.updated_at,
        completed_at=row.completed_at,
        state=row.state,
        total=row.total,
        done=view.done,
        counts=view.counts,
    )
