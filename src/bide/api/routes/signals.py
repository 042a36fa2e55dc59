"""Sending named signals to tasks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from bide.api import models
from bide.api.bodies import read_payload
from bide.api.routes.task_instances import find_instance
from bide.api.services import Given, User
from bide.control.send_signal import send_signal
from bide.model.ids import NOT_MAPPED

router = APIRouter(
    prefix="/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/signals",
    tags=["Task Instance"],
    responses={404: {"model": models.Problem}, 409: {"model": models.Problem}},
)


@router.post(
    "/{name}",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}},
)
async def send(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    name: str,
    request: Request,
    services: Given,
    user: User,
    map_index: Annotated[int, Query(ge=NOT_MAPPED)] = NOT_MAPPED,
) -> models.SignalTaken:
    """Send a signal with the JSON body as its payload: what waits for it goes on, else it is kept for 30 days."""
    payload = await read_payload(request)
    found = await find_instance(services, dag_id, dag_run_id, task_id, map_index)
    return models.SignalTaken(result=await send_signal(services.store, found.uid, name, payload, by=user))
