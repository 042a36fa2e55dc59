"""Values that tasks left for others."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from bide.api import models, views
from bide.api.routes.dag_runs import find_run
from bide.api.routes.task_instances import find_instance
from bide.api.services import Given
from bide.control.shown_secrets import know_secrets
from bide.model.errors import NotFound
from bide.model.ids import NOT_MAPPED
from bide.store import Tx
from bide.store.views import XComView, list_xcoms

router = APIRouter(
    prefix="/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/xcomEntries",
    tags=["XCom"],
    responses={404: {"model": models.Problem}},
)

MapIndex = Annotated[int, Query(ge=NOT_MAPPED, description="Of a mapped instance.")]


@router.get("")
async def list_all(
    dag_id: str, dag_run_id: str, task_id: str, services: Given, map_index: MapIndex = NOT_MAPPED
) -> models.XComEntries:
    """The XComs of a task instance, without their values."""
    run = await find_run(services, dag_id, dag_run_id)
    await find_instance(services, dag_id, dag_run_id, task_id, map_index)
    rows = await services.read(lambda tx: list_xcoms(tx, dag_id, dag_run_id, task_id=task_id))
    entries = [views.xcom(run, row) for row in rows if row.map_index == map_index]
    return models.XComEntries(xcom_entries=entries, total_entries=len(entries))


@router.get("/{xcom_key}")
async def get_one(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    xcom_key: str,
    services: Given,
    map_index: MapIndex = NOT_MAPPED,
) -> models.XComEntryWithValue:
    """One XCom with its value."""
    run = await find_run(services, dag_id, dag_run_id)

    def read(tx: Tx) -> list[XComView]:
        know_secrets(tx)
        return list_xcoms(tx, dag_id, dag_run_id, task_id=task_id, key=xcom_key)

    rows = await services.read(read)
    for row in rows:
        if row.map_index == map_index:
            return views.xcom_with_value(run, row)
    raise NotFound(f"task {task_id!r} in run {dag_run_id!r} of DAG {dag_id!r} has no XCom {xcom_key!r}")
