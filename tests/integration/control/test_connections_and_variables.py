"""Connections and variables in the store: what is kept, encrypted, looked up, and with new keys."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from bide.control.connections import add_connection, change_connection, delete_connection, import_connections
from bide.control.lookups import answer_lookup, look_up
from bide.control.rotate_keys import rotate_keys
from bide.control.runner_requests import answer, answer_waiting
from bide.control.variables import create_variable, delete_variable, import_variables, save_variable
from bide.model.connection_fields import ConnectionFields
from bide.model.errors import Conflict, InvalidArgument, NotFound
from bide.store import Keyring, Store, connections, variables
from bide.store.connections import ConnectionRow
from bide.store.schema import connection, log, variable
from bide.store.variables import VariableRow
from bide.wire.lookups import (
    ConnectionFound,
    DeleteVariable,
    GetConnection,
    GetVariable,
    SetVariable,
    VariableDeleted,
    VariableFound,
)
from bide.wire.messages import Frame, Ok, Refused
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine
from tests.support.keys import KEY, OTHER_KEY

FIELDS = ConnectionFields("postgres", "where all is", "db.example", "ada", "hunter22", "dwh", 5432, '{"a": 1}')


async def raw(store: Store) -> bytes:
    """What lies in the two tables, as bytes."""

    def read(tx: Any) -> bytes:
        found = b""
        for table in (connection, variable):
            stored = sa.column("value", sa.LargeBinary)
            found += b"".join(bytes(one) for one in tx.conn.execute(sa.select(stored).select_from(table)).scalars())
        return found

    return await store.read(read)


async def test_a_connection_is_kept_encrypted_and_found(store: Store) -> None:
    await add_connection(store, "warehouse", FIELDS, by="ada")
    assert await look_up(store, GetConnection("warehouse")) == ConnectionFound(FIELDS, "store")
    assert await look_up(store, GetConnection("other")) == ConnectionFound(None)
    stored = await raw(store)
    assert b"hunter22" not in stored and b"db.example" not in stored and stored
    with pytest.raises(Conflict, match="there is a connection 'warehouse' already"):
        await add_connection(store, "warehouse", FIELDS, by="ada")
    changed = await change_connection(store, "warehouse", ConnectionFields(port=1), ["port", "schema"], by="ada")
    assert (changed.fields.port, changed.fields.schema, changed.fields.password) == (1, None, "hunter22")
    await delete_connection(store, "warehouse", by="ada")
    for gone in (
        delete_connection(store, "warehouse", by="ada"),
        change_connection(store, "x", FIELDS, [], by="a"),
    ):
        with pytest.raises(NotFound):
            await gone
    events = await store.read(lambda tx: tx.conn.execute(sa.select(log.c.event).order_by(log.c.id)).scalars().all())
    assert events == ["add_connection", "change_connection", "delete_connection"]


async def test_a_variable_is_kept_encrypted_and_found(store: Store) -> None:
    assert await save_variable(store, "db_password", "hunter22", by="ada") == ("db_password", "hunter22", "", True)
    await save_variable(store, "colour", "röd", description="of the wall", by="ada")
    assert await look_up(store, GetVariable("colour")) == VariableFound("röd", False, "store")
    assert await look_up(store, GetVariable("db_password")) == VariableFound("hunter22", True, "store")
    assert await look_up(store, GetVariable("none")) == VariableFound(None)
    assert b"hunter22" not in await raw(store)
    again = await save_variable(store, "colour", "blå", is_secret=True, by="ada")
    assert again == ("colour", "blå", "of the wall", True)
    assert (await save_variable(store, "colour", "blå", by="ada")).is_secret, "it stays"
    with pytest.raises(Conflict):
        await create_variable(store, "colour", "x", by="ada")
    for key in ("", " a", "x" * 251):
        with pytest.raises(InvalidArgument, match="can't be the key of a variable"):
            await save_variable(store, key, "x", by="ada")
    await delete_variable(store, "colour", by="ada")
    with pytest.raises(NotFound):
        await delete_variable(store, "colour", by="ada")


async def test_an_import_is_all_or_nothing(store: Store) -> None:
    rows = [ConnectionRow("a", FIELDS), ConnectionRow("b", FIELDS)]
    assert await import_connections(store, rows[:1], by="ada") == (["a"], [])
    with pytest.raises(Conflict, match="nothing is imported"):
        await import_connections(store, rows, by="ada")
    assert await store.read(connections.known_ids) == {"a"}
    assert await import_connections(store, rows, on_existing="skip", by="ada") == (["b"], ["a"])
    assert await import_connections(store, rows, on_existing="overwrite", by="ada") == (["a", "b"], [])
    wanted = [VariableRow("good", "1"), VariableRow("", "2")]
    with pytest.raises(InvalidArgument):
        await import_variables(store, wanted, by="ada")
    assert await store.read(variables.list_all) == []


async def test_new_keys_are_for_them_too(store: Store, store_url: str, clock: Any) -> None:
    await add_connection(store, "warehouse", FIELDS, by="ada")
    await save_variable(store, "v", "value", by="ada")
    both = Store.open(store_url, clock, Keyring.of(OTHER_KEY, KEY), server_time=False)
    assert (await rotate_keys(both)).resealed == 2
    await both.close()
    only = Store.open(store_url, clock, Keyring.of(OTHER_KEY), server_time=False)
    assert await look_up(only, GetConnection("warehouse")) == ConnectionFound(FIELDS, "store")
    await only.close()
    lacking = await answer_lookup(store, GetVariable("v"))
    assert isinstance(lacking, Refused) and "key" in lacking.reason


async def test_only_a_task_that_runs_changes_variables(store: Store) -> None:
    for body in (SetVariable("a", "b"), DeleteVariable("a")):
        refused = await answer(store, Frame(body, 1, "nobody", 1))
        assert isinstance(refused, Refused) and refused.fenced
        waiting = await answer_waiting(store, Frame(body, 1, "nobody", 1))
        assert isinstance(waiting, Refused)
        assert isinstance(await answer_lookup(store, body), Refused)
    assert await store.read(variables.list_all) == []


async def test_anybody_may_look_up(store: Store) -> None:
    await save_variable(store, "v", "value", by="ada")
    for frame in (Frame(GetVariable("v"), 1, "nobody", 1), Frame(GetVariable("v"), 1)):
        assert await answer(store, frame) == VariableFound("value", False, "store")
        assert await answer_waiting(store, frame) == VariableFound("value", False, "store")


async def test_a_task_changes_variables_under_its_own_name(store: Store, engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"t": []}))
    task = (await engine.start())["t"]
    assert await engine.ask(task, SetVariable("a", "b")) == Ok()
    assert await engine.ask(task, DeleteVariable("a")) == VariableDeleted(True)
    assert await engine.ask(task, DeleteVariable("a")) == VariableDeleted(False)
    owners = await store.read(
        lambda tx: (
            tx.conn.execute(sa.select(log.c.owner).where(log.c.extra == "a").order_by(log.c.id)).scalars().all()
        )
    )
    assert owners == ["task d.t", "task d.t"]
