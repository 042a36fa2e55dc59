"""DAG runs: list, get, trigger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from bide.api import models, views
from bide.api.services import Given, Paged, Services, User
from bide.control.create_run import create_run
from bide.model.errors import NotFound
from bide.model.states import RunState
from bide.store import Tx
from bide.store.views import RunView, get_dag, get_run, list_runs

router = APIRouter(prefix="/dags/{dag_id}/dagRuns", tags=["DagRun"], responses={404: {"model": models.Problem}})

#: Stands for all DAGs, or all runs, in a path.
ANY = "~"


@router.get("")
async def list_all(
    dag_id: str,
    services: Given,
    page: Paged,
    state: Annotated[list[RunState], Query(description="Only runs in one of these states.")] = [],  # noqa: B006
) -> models.DagRuns:
    """Runs of a DAG, or of all DAGs for ``~``, the newest first."""
    only = None if dag_id == ANY else dag_id

    def work(tx: Tx) -> tuple[list[RunView], int]:
        if only is not None and get_dag(tx, only) is None:
            raise NotFound(f"there is no DAG {dag_id!r}")
        return list_runs(tx, page, dag_id=only, states=[one.value for one in state])

    rows, total = await services.read(work)
    return models.DagRuns(dag_runs=[views.dag_run(row) for row in rows], total_entries=total)


@router.get("/{dag_run_id}")
async def get_one(dag_id: str, dag_run_id: str, services: Given) -> models.DagRun:
    """One run."""
    return views.dag_run(await find_run(services, dag_id, dag_run_id))


@router.post("", responses={409: {"model": models.Problem}})
async def trigger(dag_id: str, body: models.TriggerDagRun, services: Given, user: User) -> models.DagRun:
    """Make a run. It is stored when this answers, and begins as soon as there is room."""
    run = await create_run(
        services.store,
        dag_id,
        conf=body.conf,
        logical_date=_aware(body.logical_date),
        run_after=_aware(body.run_after),
        run_id=body.dag_run_id,
        note=body.note,
        by=user,
    )
    made = await find_run(services, dag_id, run.run_id)
    # As it was made: the engine may have begun it meanwhile.
    return views.dag_run(made._replace(state=run.state.value, start_date=None, end_date=None))


async def find_run(services: Services, dag_id: str, run_id: str) -> RunView:
    """The run, or :class:`NotFound`."""
    return await services.find(lambda tx: get_run(tx, dag_id, run_id), f"DAG {dag_id!r} has no run {run_id!r}")


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
