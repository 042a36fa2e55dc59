"""Task instances: list, get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from bide.api import models, try_models, views
from bide.api.routes.dag_runs import ANY
from bide.api.services import Given, Paged, Services
from bide.control.name_instance import named_instance
from bide.control.shown_links import shown_links
from bide.control.why_held import reasons_held
from bide.model.errors import NotFound
from bide.model.ids import NOT_MAPPED
from bide.model.states import TaskState
from bide.model.tries import tries_of
from bide.store import Tx, specs
from bide.store.callback_requests import list_failures
from bide.store.notes import list_notes
from bide.store.views import (
    EVERYTHING,
    InstanceView,
    get_run,
    history,
    list_instances,
    list_waits,
)

router = APIRouter(
    prefix="/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances",
    tags=["Task Instance"],
    responses={404: {"model": models.Problem}},
)


@router.get("")
async def list_all(
    dag_id: str,
    dag_run_id: str,
    services: Given,
    page: Paged,
    state: Annotated[list[TaskState], Query(description="Only those in one of these states.")] = [],  # noqa: B006
) -> models.TaskInstances:
    """The task instances of a run; ``~`` stands for all DAGs or all runs."""
    only_dag = None if dag_id == ANY else dag_id
    only_run = None if dag_run_id == ANY else dag_run_id

    def work(tx: Tx) -> models.TaskInstances:
        if only_dag is not None and only_run is not None and get_run(tx, dag_id, dag_run_id) is None:
            raise NotFound(f"DAG {dag_id!r} has no run {dag_run_id!r}")
        rows, total = list_instances(
            tx, page, dag_id=only_dag, run_id=only_run, states=[one.value for one in state]
        )
        return shown(tx, rows, total)

    return await services.read(work)


@router.get("/{task_id}")
async def get_unmapped(dag_id: str, dag_run_id: str, task_id: str, services: Given) -> models.TaskInstance:
    """The instance of a task that is not mapped."""
    return await _get(services, dag_id, dag_run_id, task_id, NOT_MAPPED)


@router.get("/{task_id}/listMapped")
async def list_mapped(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    services: Given,
    page: Paged,
    state: Annotated[list[TaskState], Query(description="Only those in one of these states.")] = [],  # noqa: B006
) -> models.TaskInstances:
    """The instances of a mapped task, by map index; none before it is expanded."""

    def work(tx: Tx) -> models.TaskInstances:
        run = get_run(tx, dag_id, dag_run_id)
        if run is None:
            raise NotFound(f"DAG {dag_id!r} has no run {dag_run_id!r}")
        states = [one.value for one in state]
        rows, total = list_instances(tx, page, dag_id=dag_id, run_id=dag_run_id, states=states, mapped_task=task_id)
        structure = specs.structure_of(tx, run.version_uid)
        if not rows and task_id not in structure.mapped:
            what = "is not mapped" if task_id in structure.tasks else "is not there"
            raise NotFound(f"task {task_id!r} {what} in run {dag_run_id!r} of DAG {dag_id!r}")
        return shown(tx, rows, total)

    return await services.read(work)


@router.get("/{task_id}/tries")
async def tries(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    services: Given,
    map_index: Annotated[int, Query(ge=NOT_MAPPED)] = NOT_MAPPED,
) -> try_models.TaskInstanceTries:
    """The tries of an instance: how each ended, when, where and why."""
    row = await find_instance(services, dag_id, dag_run_id, task_id, map_index)
    events = await services.read(lambda tx: history(tx, [row.uid]))
    return views.task_tries(row, tries_of(events.get(row.uid, ())))


@router.get("/{task_id}/links")
async def links(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    services: Given,
    map_index: Annotated[int, Query(ge=NOT_MAPPED)] = NOT_MAPPED,
) -> models.ExtraLinks:
    """Where the links of its operator lead."""
    await find_instance(services, dag_id, dag_run_id, task_id, map_index)

    def work(tx: Tx) -> dict[str, str | None]:
        run = get_run(tx, dag_id, dag_run_id)
        return {} if run is None else shown_links(tx, run, task_id, map_index)

    found = await services.read(work)
    return models.ExtraLinks(extra_links=found, total_entries=len(found))


@router.get("/{task_id}/{map_index}")
async def get_mapped(
    dag_id: str, dag_run_id: str, task_id: str, map_index: int, services: Given
) -> models.TaskInstance:
    """One instance of a mapped task."""
    return await _get(services, dag_id, dag_run_id, task_id, map_index)


async def find_instance(
    services: Services, dag_id: str, dag_run_id: str, task_id: str, map_index: int
) -> InstanceView:
    """The instance, or :class:`NotFound`."""
    return await services.read(lambda tx: named_instance(tx, dag_id, dag_run_id, task_id, map_index))


async def _get(
    services: Services, dag_id: str, dag_run_id: str, task_id: str, map_index: int
) -> models.TaskInstance:
    row = await find_instance(services, dag_id, dag_run_id, task_id, map_index)
    return (await services.read(lambda tx: shown(tx, [row]))).task_instances[0]


def shown(tx: Tx, rows: Sequence[InstanceView], total: int | None = None) -> models.TaskInstances:
    """Instances with what they wait for; `total` is how many there are in all, if these are a part."""
    deferred = [row.uid for row in rows if row.state == TaskState.DEFERRED]
    waits = list_waits(tx, EVERYTHING, instance_uids=deferred)[0] if deferred else []
    by_instance = {(wait.run_id, wait.dag_id, wait.task_id, wait.map_index): wait for wait in waits}
    written = list_notes(tx, [row.uid for row in rows])
    failed = list_failures(tx, [row.uid for row in rows])
    held = reasons_held(tx, [row.uid for row in rows])
    found = [
        views.task_instance(
            row,
            by_instance.get((row.run_id, row.dag_id, row.task_id, row.map_index)),
            held.get(row.uid),
            written.get(row.uid),
            failed.get(row.uid, ()),
        )
        for row in rows
    ]
    return models.TaskInstances(task_instances=found, total_entries=len(found) if total is None else total)
