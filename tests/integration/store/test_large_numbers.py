"""Selections of more rows than SQLite takes parameters in a statement."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa
import sqlalchemy.event

from bide.model.errors import StoreError
from bide.model.room import Closed
from bide.store import Store, Tx, candidates, dags, instances, queued_runs, runs, waits, xcoms
from bide.store.schema import mark
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine
from tests.support.stores import ON_SQLITE

pytestmark = ON_SQLITE

#: Parameters that SQLite takes here; its default is 32,766, and some builds have more.
LIMIT = 90


@pytest.fixture
def store(store: Store) -> Store:
    """A store whose database takes few parameters."""

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, LIMIT)

    sqlalchemy.event.listen(store.engine, "connect", limit)
    store.engine.dispose()
    return store


@pytest.fixture
def names() -> list[str]:
    return [f"name-{number}" for number in range(3 * LIMIT)]


async def test_the_limit_is_there(store: Store, names: list[str]) -> None:
    with pytest.raises(StoreError, match="too many SQL variables"):
        await store.read(lambda tx: tx.conn.execute(sa.select(mark).where(mark.c.task_id.in_(names))).all())


async def test_selections_by_a_list(store: Store, names: list[str]) -> None:
    def work(tx: Tx) -> None:
        assert instances.get_many(tx, names) == {}
        assert instances.of_tasks(tx, "run", names) == []
        assert instances.held(tx, names) == {}
        everything = Closed(dags=set(names), pools=set(names), demands=set(names))
        assert candidates.scheduled(tx, limit=5, without=everything) == ([], [], {}, {})
        assert runs.get_many(tx, names) == {}
        assert queued_runs.count_running(tx, names) == {}
        assert waits.get_many(tx, names) == {}
        assert waits.of_instances(tx, names) == []
        assert waits.get_resumes(tx, names) == {}
        assert waits.release(tx, "session", names) == 0
        assert xcoms.pull(tx, "d", "r", names, names) == []
        waits.delete(tx, names)
        waits.delete_resumes(tx, names)
        dags.deactivate(tx, names)

    await store.write(work)


async def test_all_marks_of_a_large_batch_are_deleted(store: Store) -> None:
    def work(tx: Tx) -> int:
        tx.conn.execute(
            sa.insert(mark), [{"run_uid": "r", "task_id": f"t{n}", "map_index": -1} for n in range(5 * LIMIT)]
        )
        found = instances.read_marks(tx, 4 * LIMIT)
        instances.delete_marks(tx, [one.id for one in found])
        return len(instances.read_marks(tx, 5 * LIMIT))

    assert await store.write(work) == LIMIT


async def test_what_is_found_by_a_list(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}))
    a, b = (await engine.instance("a"))["uid"], (await engine.instance("b"))["uid"]

    def work(tx: Tx) -> None:
        assert set(instances.get_many(tx, {a, b, "other"})) == {a, b}
        assert set(instances.get_many(tx, [])) == set()
        assert {one.task_id for one in instances.of_tasks(tx, run.uid, ["b", "none"])} == {"b"}
        assert set(runs.get_many(tx, [run.uid, "other"])) == {run.uid}
        assert queued_runs.count_running(tx, ["d", "other"]) == {"d": ({}, 16, 0.0, None)}

    await engine.store.write(work)
