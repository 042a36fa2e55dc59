"""The logs of tries."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import PlainTextResponse, Response

from bide.api import models
from bide.api.routes.dag_runs import find_run
from bide.api.routes.task_instances import find_instance
from bide.api.services import Given
from bide.control.find_log import find_log
from bide.model.errors import NotFound
from bide.model.ids import NOT_MAPPED
from bide.observe.log_files import read_log

router = APIRouter(
    prefix="/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/logs",
    tags=["Task Instance"],
    responses={404: {"model": models.Problem}},
)


@router.get(
    "/{try_number}",
    response_model=models.LogText,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def get_log(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    try_number: Annotated[int, Path(ge=1)],
    services: Given,
    map_index: Annotated[int, Query(ge=NOT_MAPPED)] = NOT_MAPPED,
    accept: Annotated[str, Header()] = "*/*",
) -> Response:
    """The log of one try: as text where the Accept header asks for text, else as JSON."""
    run = await find_run(services, dag_id, dag_run_id)
    row = await find_instance(services, dag_id, dag_run_id, task_id, map_index)
    if try_number > row.try_number:
        raise NotFound(f"task {task_id!r} has had {row.try_number} tries, not {try_number}")
    text = await asyncio.to_thread(lambda: read_log(find_log(services.logs, run, row, try_number)))
    if _wants_text(accept):
        return PlainTextResponse(text)
    return Response(models.LogText(content=text.splitlines()).model_dump_json(), media_type="application/json")


def _wants_text(accept: str) -> bool:
    """Whether text comes before JSON in what the client accepts."""
    for part in accept.split(","):
        kind = part.partition(";")[0].strip().lower()
        if kind in ("text/plain", "text/*"):
            return True
        if kind in ("application/json", "*/*"):
            return False
    return False
