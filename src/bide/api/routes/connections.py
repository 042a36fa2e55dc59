"""Connections."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from bide.api import models, secret_views
from bide.api import secret_models as kept
from bide.api.problems import NotAllowed
from bide.api.services import Given, Paged, User
from bide.control.connections import add_connection, change_connection, delete_connection
from bide.model.connection_fields import ConnectionFields, from_mapping
from bide.model.errors import InvalidArgument
from bide.observe.masking import MASK
from bide.store import connections
from bide.store.connections import ConnectionRow

router = APIRouter(prefix="/connections", tags=["Connection"], responses={404: {"model": models.Problem}})


@router.get("")
async def list_all(services: Given, page: Paged, connection_id_pattern: str = "") -> kept.Connections:
    """The connections, by id; `connection_id_pattern` is a part of the id (a % in it is left out)."""
    rows = await services.read(connections.list_all)
    wanted = [row for row in rows if connection_id_pattern.strip("%") in row.conn_id]
    shown = wanted[page.offset : page.offset + page.limit]
    return kept.Connections(connections=[secret_views.connection(row) for row in shown], total_entries=len(wanted))


@router.get("/{connection_id:path}")
async def get_one(connection_id: str, services: Given) -> kept.Connection:
    """One connection, without its secrets."""
    missing = f"there is no connection {connection_id!r}"
    return secret_views.connection(await services.find(lambda tx: connections.find(tx, connection_id), missing))


@router.post("", status_code=201, responses={409: {"model": models.Problem}})
async def post(body: kept.PostConnection, services: Given, user: User) -> kept.Connection:
    """Add a connection."""
    fields = _fields(body, body.connection_id)
    await add_connection(services.store, body.connection_id, fields, by=user)
    return secret_views.connection(ConnectionRow(body.connection_id, fields))


@router.post("/test", responses={403: {"model": models.Problem}})
async def test(body: kept.TestConnection, services: Given) -> kept.ConnectionTested:
    """Ask the hook of a connection's type, in a process of its own, whether the service can be reached.

    With nothing but `connection_id` it is about the stored connection, else about the fields given.
    """
    if services.try_connection is None:
        raise NotAllowed(
            "connections are not tested over the API here: whoever may do so can make the server connect to any "
            'machine. Set [core] test_connection = "enabled", or use `bide connections test` on the server'
        )
    conn_id = body.connection_id
    if conn_id is not None and body.model_fields_set == {"connection_id"}:
        missing = f"there is no connection {conn_id!r}"
        fields = (await services.find(lambda tx: connections.find(tx, conn_id), missing)).fields
    elif body.password == MASK or MASK in (body.extra or ""):
        # A stored password goes nowhere but where it was stored for.
        raise InvalidArgument(
            f"the password, or a value of extra, is {MASK}: give it anew, or only the connection_id to test what "
            "is stored"
        )
    elif body.conn_type is None:
        raise InvalidArgument("give conn_type and the other fields, or only the id of a stored connection")
    else:
        fields = _fields(body, conn_id or "tested")
    good, said = await services.try_connection(conn_id or "tested", fields)
    return kept.ConnectionTested(status=good, message=said)


@router.patch("/{connection_id:path}")
async def patch(connection_id: str, body: kept.PatchConnection, services: Given, user: User) -> kept.Connection:
    """Change a connection."""
    if body.connection_id not in (None, connection_id):
        raise InvalidArgument(f"the body is about {body.connection_id!r}, the path about {connection_id!r}")
    names = {"schema" if name == "schema_" else name for name in body.model_fields_set - {"connection_id"}}
    row = await change_connection(services.store, connection_id, _fields(body, connection_id), names, by=user)
    return secret_views.connection(row)


@router.delete("/{connection_id:path}", status_code=204)
async def delete(connection_id: str, services: Given, user: User) -> None:
    """Forget a connection."""
    await delete_connection(services.store, connection_id, by=user)


def _fields(body: kept.PatchConnection, connection_id: str) -> ConnectionFields:
    values: dict[str, Any] = body.model_dump(by_alias=True, exclude={"connection_id"})
    return from_mapping(values, what=f"connection {connection_id!r}")
