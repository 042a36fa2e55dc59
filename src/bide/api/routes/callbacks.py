"""Callback URLs, which tasks hand to services and people. The token in the path is the credential: no login."""

from __future__ import annotations

from fastapi import APIRouter, Request

from bide.api import models
from bide.api.bodies import read_payload
from bide.control.accept_callback import accept_callback
from bide.control.mint_callback import PATH
from bide.store import Store

router = APIRouter(tags=["Callback"])

_PROBLEMS = {status: {"model": models.Problem} for status in (400, 404, 410, 413)}


@router.post(
    f"{PATH}{{token}}",
    responses=_PROBLEMS,  # pyright: ignore[reportArgumentType]  # ints are fine as keys
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}},
)
async def call(token: str, request: Request) -> models.SignalTaken:
    """Send the JSON body, of 256 KiB at most, to the task that was given this URL; stored when this answers.

    The first call counts, whether the task waits for it already or not; further ones change nothing.
    """
    store: Store = request.app.state.callback_store
    payload = await read_payload(request)
    return models.SignalTaken(result=await accept_callback(store, token, payload))
