"""Task instances and runs are cleared, marked and released."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter

from bide.api import models, views
from bide.api.problems import BadBody
from bide.api.routes.dag_runs import find_run
from bide.api.routes.task_instances import find_instance, shown
from bide.api.services import Given, Services, User
from bide.control.clear_tasks import clear_tasks
from bide.control.mark_run import mark_run
from bide.control.mark_tasks import mark_tasks
from bide.control.note_run import note_run, note_task
from bide.control.release_tasks import release_tasks
from bide.control.selecting import Plan
from bide.model.errors import Conflict
from bide.model.ids import NOT_MAPPED
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import RunState, TaskState
from bide.store.views import get_instances, list_instances

router = APIRouter(prefix="/dags/{dag_id}", responses={404: {"model": models.Problem}})

_RUN: Final = "/dagRuns/{dag_run_id}"
_TASK: Final = _RUN + "/taskInstances/{task_id}"
_MAPPED: Final = _TASK + "/{map_index}"
_TASKS: Final = "Task Instance"


@router.post("/clearTaskInstances", tags=[_TASKS])
async def clear(dag_id: str, body: models.ClearTaskInstances, services: Given, user: User) -> models.TaskInstances:
    """Let task instances run again; the answer has those that were cleared, or that would be."""
    plan = await clear_tasks(
        services.store,
        dag_id,
        which_runs=RunChoice(
            run_ids=None if body.dag_run_id is None else frozenset({body.dag_run_id}),
            start=_aware(body.start_date),
            end=_aware(body.end_date),
            past=body.include_past,
            future=body.include_future,
        ),
        which_tasks=_tasks(body),
        latest=body.run_on_latest_version,
        reset_runs=body.reset_dag_runs,
        dry_run=body.dry_run,
        by=user,
    )
    return await _changed(services, plan)


@router.post(_RUN + "/clear", tags=["DagRun"])
async def clear_run(
    dag_id: str, dag_run_id: str, body: models.ClearDagRun, services: Given, user: User
) -> models.TaskInstances | models.DagRun:
    """Let a run run again; the answer is the run, or with `dry_run` the instances that would be cleared."""
    plan = await clear_tasks(
        services.store,
        dag_id,
        which_runs=RunChoice(run_ids=frozenset({dag_run_id})),
        which_tasks=TaskChoice(only_failed=body.only_failed),
        latest=body.run_on_latest_version,
        dry_run=body.dry_run,
        by=user,
    )
    if body.dry_run:
        return await _changed(services, plan)
    return views.dag_run(await find_run(services, dag_id, dag_run_id))


@router.patch(_RUN, tags=["DagRun"])
async def patch_run(
    dag_id: str, dag_run_id: str, body: models.PatchDagRun, services: Given, user: User
) -> models.DagRun:
    """Say how a run has ended, let it go on (queued), or note something about it."""
    if body.state is not None:
        await mark_run(services.store, dag_id, dag_run_id, RunState(body.state), by=user)
    if body.note is not None:
        await note_run(services.store, dag_id, dag_run_id, body.note, by=user)
    return views.dag_run(await find_run(services, dag_id, dag_run_id))


@router.patch(_TASK, tags=[_TASKS], responses={409: {"model": models.Problem}})
async def patch(
    dag_id: str, dag_run_id: str, task_id: str, body: models.PatchTaskInstance, services: Given, user: User
) -> models.TaskInstances:
    """Say how a task instance has ended; the answer has all that were changed."""
    return await _mark(services, dag_id, dag_run_id, task_id, None, body, user)


@router.patch(_TASK + "/dry_run", tags=[_TASKS])
async def try_patch(
    dag_id: str, dag_run_id: str, task_id: str, body: models.PatchTaskInstance, services: Given, user: User
) -> models.TaskInstances:
    """What would be changed."""
    return await _mark(services, dag_id, dag_run_id, task_id, None, body, user, dry_run=True)


@router.patch(_MAPPED, tags=[_TASKS], responses={409: {"model": models.Problem}})
async def patch_mapped(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    map_index: int,
    body: models.PatchTaskInstance,
    services: Given,
    user: User,
) -> models.TaskInstances:
    """As without a map index, for one instance of a mapped task."""
    return await _mark(services, dag_id, dag_run_id, task_id, map_index, body, user)


@router.patch(_MAPPED + "/dry_run", tags=[_TASKS])
async def try_patch_mapped(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    map_index: int,
    body: models.PatchTaskInstance,
    services: Given,
    user: User,
) -> models.TaskInstances:
    """What would be changed."""
    return await _mark(services, dag_id, dag_run_id, task_id, map_index, body, user, dry_run=True)


@router.post(_TASK + "/release", tags=[_TASKS], responses={409: {"model": models.Problem}})
async def release(dag_id: str, dag_run_id: str, task_id: str, services: Given, user: User) -> models.TaskInstance:
    """Let the next try start although work outside of an earlier one could not be cancelled."""
    await release_tasks(services.store, dag_id, dag_run_id, task_id, map_index=NOT_MAPPED, by=user)
    row = await find_instance(services, dag_id, dag_run_id, task_id, NOT_MAPPED)
    return (await services.read(lambda tx: shown(tx, [row]))).task_instances[0]


async def _mark(
    services: Services,
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    map_index: int | None,
    body: models.PatchTaskInstance,
    user: str,
    *,
    dry_run: bool = False,
) -> models.TaskInstances:
    if body.note is not None and not dry_run:
        await note_task(services.store, dag_id, dag_run_id, task_id, body.note, map_index=map_index, by=user)
    if body.new_state is None:
        if body.note is None:
            raise BadBody("give new_state, note, or both")
        found = await services.read(lambda tx: list_instances(tx, dag_id=dag_id, run_id=dag_run_id)[0])
        noted = [one for one in found if one.task_id == task_id and map_index in (None, one.map_index)]
        return await services.read(lambda tx: shown(tx, noted))
    plan = await mark_tasks(
        services.store,
        dag_id,
        which_runs=RunChoice(run_ids=frozenset({dag_run_id}), past=body.include_past, future=body.include_future),
        which_tasks=TaskChoice(
            task_ids=frozenset({task_id}) if map_index is None else None,
            mapped=frozenset() if map_index is None else frozenset({(task_id, map_index)}),
            upstream=body.include_upstream,
            downstream=body.include_downstream,
        ),
        state=TaskState(body.new_state),
        dry_run=dry_run,
        by=user,
    )
    if not plan.changes and not dry_run:
        raise Conflict(f"task {task_id!r} of run {dag_run_id!r} is {body.new_state} already")
    return await _changed(services, plan)


def _tasks(body: models.ClearTaskInstances) -> TaskChoice:
    given = body.task_ids or []
    whole = frozenset(one for one in given if isinstance(one, str))
    return TaskChoice(
        task_ids=None if body.task_ids is None else whole,
        mapped=frozenset(one for one in given if not isinstance(one, str)),
        upstream=body.include_upstream,
        downstream=body.include_downstream,
        only_failed=body.only_failed,
        only_running=body.only_running,
    )


async def _changed(services: Services, plan: Plan) -> models.TaskInstances:
    """The instances of `plan` as they are now."""
    uids = [one.found.uid for one in plan.changes]
    return await services.read(lambda tx: shown(tx, get_instances(tx, uids)))


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
