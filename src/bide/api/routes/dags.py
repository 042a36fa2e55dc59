"""DAGs: list, get, pause."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from bide.api import models, views
from bide.api.services import Given, Paged, Services, User
from bide.control.pause_dag import pause_dag
from bide.store import Tx, specs
from bide.store.dags import find as find_dag
from bide.store.timetable_questions import troubles
from bide.store.views import get_dag, list_dags

router = APIRouter(prefix="/dags", tags=["DAG"], responses={404: {"model": models.Problem}})


@router.get("", responses={404: {}})
async def list_all(
    services: Given,
    page: Paged,
    tags: Annotated[list[str], Query(description="Only DAGs that have all of these.")] = [],  # noqa: B006
    paused: Annotated[bool | None, Query(description="Only paused, or only unpaused DAGs.")] = None,
    dag_id_pattern: Annotated[str | None, Query(description="Only DAGs whose id has this in it.")] = None,
    exclude_stale: Annotated[bool, Query(description="Leave out DAGs whose file no longer makes them.")] = True,
) -> models.Dags:
    """DAGs by id."""
    pattern = None if dag_id_pattern is None else dag_id_pattern.strip("%")

    def read(tx: Tx) -> models.Dags:
        rows, total = list_dags(tx, page, only_active=exclude_stale, tags=tags, paused=paused, pattern=pattern)
        problems = {one.dag_id: one.error for one in troubles(tx)}
        found = [views.dag(row, problems.get(row.dag_id)) for row in rows]
        return models.Dags(dags=found, total_entries=total)

    return await services.read(read)


@router.get("/{dag_id}")
async def get_one(dag_id: str, services: Given) -> models.Dag:
    """One DAG."""
    return await _find(services, dag_id)


@router.get("/{dag_id}/details")
async def details(dag_id: str, services: Given) -> models.DagDetails:
    """One DAG, with its params and what else its file says of its runs."""

    def work(tx: Tx) -> models.DagDetails | None:
        row, known = get_dag(tx, dag_id), find_dag(tx, dag_id)
        if row is None or known is None:
            return None
        return views.dag_details(row, specs.structure_of(tx, known.version_uid).spec)

    return await services.find(work, f"there is no DAG {dag_id!r}")


@router.patch("/{dag_id}")
async def patch(dag_id: str, body: models.DagPatch, services: Given, user: User) -> models.Dag:
    """Pause or unpause a DAG; the answer has its new state."""
    await pause_dag(services.store, dag_id, body.is_paused, by=user)
    return await _find(services, dag_id)


async def _find(services: Services, dag_id: str) -> models.Dag:
    def read(tx: Tx) -> models.Dag | None:
        row = get_dag(tx, dag_id)
        problem = next((one.error for one in troubles(tx) if one.dag_id == dag_id), None)
        return None if row is None else views.dag(row, problem)

    return await services.find(read, f"there is no DAG {dag_id!r}")
