"""Variables."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter

from bide.api import models, secret_views
from bide.api import secret_models as kept
from bide.api.services import Given, Paged, User
from bide.control.variables import create_variable, delete_variable, save_variable
from bide.model.errors import InvalidArgument
from bide.store import variables

router = APIRouter(prefix="/variables", tags=["Variable"], responses={404: {"model": models.Problem}})


@router.get("")
async def list_all(services: Given, page: Paged, variable_key_pattern: str = "") -> kept.Variables:
    """The variables, by key; `variable_key_pattern` is a part of the key (a % in it is left out)."""
    rows = await services.read(variables.list_all)
    wanted = [row for row in rows if variable_key_pattern.strip("%") in row.key]
    shown = wanted[page.offset : page.offset + page.limit]
    return kept.Variables(variables=[secret_views.variable(row) for row in shown], total_entries=len(wanted))


@router.get("/{variable_key:path}")
async def get_one(variable_key: str, services: Given) -> kept.Variable:
    """One variable."""
    found = await services.find(
        lambda tx: variables.find(tx, variable_key), f"there is no variable {variable_key!r}"
    )
    return secret_views.variable(found)


@router.post("", status_code=201, responses={409: {"model": models.Problem}})
async def post(body: kept.PutVariable, services: Given, user: User) -> kept.Variable:
    """Set a variable that is not there yet."""
    row = await create_variable(
        services.store,
        body.key,
        _text(body.value),
        description=body.description or "",
        is_secret=body.is_secret,
        by=user,
    )
    return secret_views.variable(row)


@router.patch("/{variable_key:path}")
async def patch(variable_key: str, body: kept.PatchVariable, services: Given, user: User) -> kept.Variable:
    """Change a variable."""
    if body.key not in (None, variable_key):
        raise InvalidArgument(f"the body is about variable {body.key!r}, the path about {variable_key!r}")
    missing = f"there is no variable {variable_key!r}"
    old = await services.find(lambda tx: variables.find(tx, variable_key), missing)
    row = await save_variable(
        services.store,
        variable_key,
        _text(body.value) if "value" in body.model_fields_set else old.value,
        description=body.description,
        is_secret=body.is_secret,
        by=user,
    )
    return secret_views.variable(row)


@router.delete("/{variable_key:path}", status_code=204)
async def delete(variable_key: str, services: Given, user: User) -> None:
    """Forget a variable."""
    await delete_variable(services.store, variable_key, by=user)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
