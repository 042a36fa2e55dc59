"""Deadlines of runs and tasks: to come, and missed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from bide.api.deadline_models import Deadline, Deadlines
from bide.api.services import Given, Paged
from bide.store.deadlines import DeadlineView, views

router = APIRouter(prefix="/deadlines", tags=["Deadline"])


@router.get("")
async def list_all(
    services: Given,
    page: Paged,
    dag_id: Annotated[str | None, Query(description="Only of this DAG.")] = None,
    dag_run_id: Annotated[str | None, Query(description="Only of runs of this id.")] = None,
    missed: Annotated[bool | None, Query(description="Only missed ones, or only the others.")] = None,
) -> Deadlines:
    """Deadlines, the latest first. Those that were met are gone."""
    rows, total = await services.read(
        lambda tx: views(tx, dag_id=dag_id, run_id=dag_run_id, missed=missed, limit=page.limit, offset=page.offset)
    )
    return Deadlines(deadlines=[_deadline(row) for row in rows], total_entries=total)


def _deadline(row: DeadlineView) -> Deadline:
    return Deadline(
        id=row.uid,
        dag_id=row.dag_id,
        dag_run_id=row.run_id,
        task_id=row.task_id,
        alert_name=row.name or None,
        reference=row.reference,
        deadline_time=row.due_at,
        missed=row.missed_at is not None,
        missed_at=row.missed_at,
        callback_pending=row.is_calling,
    )
