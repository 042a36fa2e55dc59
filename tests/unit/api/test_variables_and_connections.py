"""Variables and connections through the API: shapes, codes, and that no secret comes out."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from bide.model.connection_fields import ConnectionFields
from bide.store import Store, connections, variables

VARIABLES = "/api/v2/variables"
CONNECTIONS = "/api/v2/connections"
WAREHOUSE = {
    "connection_id": "warehouse",
    "conn_type": "postgresql",
    "host": "db.example",
    "login": "ada",
    "password": "hunter22",
    "schema": "dwh",
    "port": 5432,
    "extra": '{"sslmode": "require", "api_token": "hunter33"}',
}


async def test_variables(admin: httpx.AsyncClient, store: Store) -> None:
    made = await admin.post(VARIABLES, json={"key": "bucket", "value": "lake", "description": "where"})
    assert made.status_code == 201, made.text
    assert made.json() == {
        "key": "bucket", "value": "lake", "description": "where", "is_encrypted": True, "is_secret": False
    }  # fmt: skip
    again = await admin.post(VARIABLES, json={"key": "bucket", "value": "x"})
    assert (again.status_code, again.json()["detail"]) == (409, "there is a variable 'bucket' already")
    changed = await admin.patch(f"{VARIABLES}/bucket", json={"key": "bucket", "value": {"a": 1}})
    assert changed.json()["value"] == '{"a": 1}'
    assert changed.json()["description"] == "where"
    assert (await admin.post(VARIABLES, json={"key": "db_password", "value": "hunter22"})).json()["value"] == "***"
    assert (await admin.get(f"{VARIABLES}/db_password")).json()["value"] == "***"
    found = (await admin.get(VARIABLES, params={"limit": 1})).json()
    assert (found["total_entries"], [one["key"] for one in found["variables"]]) == (2, ["bucket"])
    assert (await admin.delete(f"{VARIABLES}/bucket")).status_code == 204
    assert (await admin.delete(f"{VARIABLES}/bucket")).status_code == 404
    assert (await admin.patch(f"{VARIABLES}/bucket", json={"value": "x"})).status_code == 404
    assert (await store.read(lambda tx: variables.find(tx, "db_password"))) == ("db_password", "hunter22", "", True)


async def test_connections(admin: httpx.AsyncClient, store: Store) -> None:
    made = await admin.post(CONNECTIONS, json=WAREHOUSE)
    assert made.status_code == 201, made.text
    shown = {
        **WAREHOUSE,
        "conn_type": "postgres",
        "password": "***",
        "extra": '{"sslmode": "require", "api_token": "***"}',
        "description": None,
    }
    assert made.json() == shown
    assert (await admin.get(f"{CONNECTIONS}/warehouse")).json() == shown
    assert (await admin.post(CONNECTIONS, json=WAREHOUSE)).status_code == 409
    changed = await admin.patch(f"{CONNECTIONS}/warehouse", json={"port": 1, "schema": None})
    assert changed.json() == {**shown, "port": 1, "schema": None}
    row = await store.read(lambda tx: connections.find(tx, "warehouse"))
    assert row is not None
    assert (row.fields.password, row.fields.port, row.fields.schema) == ("hunter22", 1, None)
    found = (await admin.get(CONNECTIONS, params={"connection_id_pattern": "%house%"})).json()
    assert [one["connection_id"] for one in found["connections"]] == ["warehouse"]
    assert (await admin.delete(f"{CONNECTIONS}/warehouse")).status_code == 204
    assert (await admin.get(f"{CONNECTIONS}/warehouse")).status_code == 404


async def test_connections_are_tested_where_that_is_allowed(app: FastAPI, admin: httpx.AsyncClient) -> None:
    refused = await admin.post(f"{CONNECTIONS}/test", json=WAREHOUSE)
    assert refused.status_code == 403 and "test_connection" in refused.json()["detail"]
    asked: list[tuple[str, ConnectionFields]] = []

    async def trial(conn_id: str, fields: ConnectionFields) -> tuple[bool, str]:
        asked.append((conn_id, fields))
        return False, "nobody there"

    app.state.services = replace(app.state.services, try_connection=trial)
    await admin.post(CONNECTIONS, json=WAREHOUSE)
    for body in (WAREHOUSE, {"connection_id": "warehouse"}):
        told = await admin.post(f"{CONNECTIONS}/test", json=body)
        assert told.json() == {"status": False, "message": "nobody there"}, told.text
    assert asked[0] == asked[1] and asked[0][1].password == "hunter22"
    # What is shown of a stored connection must not send its password elsewhere.
    shown = {**(await admin.get(f"{CONNECTIONS}/warehouse")).json(), "host": "elsewhere"}
    assert (await admin.post(f"{CONNECTIONS}/test", json=shown)).status_code == 422
    extra = {**shown, "password": "x"}
    assert (await admin.post(f"{CONNECTIONS}/test", json=extra)).status_code == 422
    assert (await admin.post(f"{CONNECTIONS}/test", json={"host": "h"})).status_code == 422
    assert (await admin.post(f"{CONNECTIONS}/test", json={"connection_id": "none"})).status_code == 404
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CONNECTIONS, {"connection_id": "a b", "conn_type": "x"}),
        (CONNECTIONS, {"connection_id": "a", "conn_type": "x", "port": 70000}),
        (CONNECTIONS, {"connection_id": "a"}),
        (VARIABLES, {"key": "", "value": "x"}),
        (VARIABLES, {"key": "a", "value": "x" * 1_000_001}),
        (VARIABLES, {"key": "a", "value": "x", "secret": True}),
    ],
)
async def test_what_can_not_be_kept(admin: httpx.AsyncClient, path: str, body: dict[str, object]) -> None:
    assert (await admin.post(path, json=body)).status_code == 422


async def test_only_users_may_ask(anyone: httpx.AsyncClient) -> None:
    for path in (VARIABLES, CONNECTIONS, f"{VARIABLES}/x", f"{CONNECTIONS}/x"):
        assert (await anyone.get(path)).status_code == 401
