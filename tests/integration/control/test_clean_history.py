"""Old history is deleted with all that belongs to it, and nothing else is."""

from __future__ import annotations

import gzip
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from bide.control import clean_history as module
from bide.control.clean_history import Cleaning, clean_history, count_history
from bide.control.clear_tasks import clear_tasks
from bide.model.errors import ArchiveError
from bide.model.retention import Keep, Retention
from bide.model.selection import RunChoice, TaskChoice
from bide.store import Store, Tx, xcoms
from bide.store.schema import dag_version, metadata
from bide.store.xcoms import XComRow
from bide.wire.messages import Finish
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, poll

pytestmark = pytest.mark.usefixtures("no_blocking")

MONTH = Cleaning(Retention(Keep(30)))


async def run_of(engine: HandEngine, run_id: str, dag_id: str = "d", state: Any = "success", **fields: Any) -> None:
    """Make a run, end it, and leave an XCom and logs."""
    run = await engine.create(dag_id, run_id=run_id, **fields)
    await engine.start()
    for task in list(engine.executor.started.values()):
        if task.instance.run_id == run_id:
            Path(task.log_path).parent.mkdir(parents=True, exist_ok=True)
            Path(task.log_path).write_text("a line\n")
            left = xcom(dag_id, run_id, task.instance.task_id)
            await engine.store.write(lambda tx, left=left: xcoms.put(tx, [left]))
            await engine.ask(task, Finish(state))
            del engine.executor.started[task.instance.id]
    await engine.settle()
    assert (await engine.run_row(run))["state"] in ("success", "failed")


def xcom(dag_id: str, run_id: str, task_id: str) -> XComRow:
    return XComRow(dag_id, run_id, task_id, -1, "return_value", b'{"a": 1}')


async def rows(store: Store) -> dict[str, int]:
    """Rows of all tables that have some."""

    def count(tx: Tx) -> dict[str, int]:
        found = {
            name: tx.conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
        }
        return {name: number for name, number in found.items() if number}

    return await store.read(count)


async def run_ids(engine: HandEngine) -> set[str]:
    return set(await engine.run_states())


async def two_old_and_a_new(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", {"a": [], "b": []}))
    await run_of(engine, "old1")
    await run_of(engine, "old2", state="failed")
    engine.clock.advance(40 * 86_400)
    await run_of(engine, "new")


async def test_runs_go_with_all_that_belongs_to_them(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", {"a": [], "b": []}))
    await run_of(engine, "new")
    before, files = await rows(engine.store), sorted(engine.logs.root.rglob("*"))
    await run_of(engine, "old1")
    await run_of(engine, "old2", state="failed")
    # As if the first were the newest.
    engine.clock.advance(40 * 86_400)
    await engine.store.write(
        lambda tx: tx.conn.execute(
            sa.update(metadata.tables["dag_run"])
            .where(metadata.tables["dag_run"].c.run_id == "new")
            .values(end_date=tx.now, run_after=tx.now)
        )
    )
    what = Cleaning(Retention(Keep(30)), tables=("dag_run",), logs=engine.logs)
    assert (await count_history(engine.store, what)).rows == {"dag_run": 2, "task_instance": 4}
    done = await clean_history(engine.store, what)
    assert (done.rows, done.logs) == ({"dag_run": 2, "task_instance": 4}, 4)
    after = await rows(engine.store)
    # What is done is logged, and each connection that writes has a row of its own.
    for name in ("log", "writer"):
        before.pop(name, None)
        after.pop(name, None)
    assert after == before
    assert sorted(engine.logs.root.rglob("*")) == files
    assert (await clean_history(engine.store, what)).rows == {"dag_run": 0, "task_instance": 0}


async def test_the_newest_runs_are_kept_by_number(engine: HandEngine) -> None:
    await engine.register(dag_spec("d"), dag_spec("audit"), dag_spec("other"))
    for number in range(4):
        await run_of(engine, f"r{number}")
        await run_of(engine, f"a{number}", "audit")
        await run_of(engine, f"o{number}", "other")
    rules = {"audit": Keep(), "other": Keep(None, 3)}
    done = await clean_history(engine.store, Cleaning(Retention(Keep(None, 1), rules)))
    assert done.rows["dag_run"] == 4
    assert await run_ids(engine) == {"r3", "a0", "a1", "a2", "a3", "o1", "o2", "o3"}
    await clean_history(engine.store, Cleaning(Retention(Keep(None, 0)), dag_ids=["d"]))
    assert await run_ids(engine) == {"a0", "a1", "a2", "a3", "o1", "o2", "o3"}


async def test_what_is_not_over_is_kept(engine: HandEngine) -> None:
    """Runs under way, and those of which external work is still to be cancelled."""
    await engine.register(dag_spec("d"))
    await run_of(engine, "again")
    await engine.create("d", run_id="waits")
    await engine.defer("a", poll(has_on_kill=True))
    await clear_tasks(
        engine.store,
        "d",
        which_runs=RunChoice(run_ids=frozenset({"waits"})),
        which_tasks=TaskChoice(),
        by="ada",
    )
    engine.clock.advance(40 * 86_400)
    await engine.store.write(
        lambda tx: tx.conn.execute(
            sa.update(metadata.tables["dag_run"])
            .where(metadata.tables["dag_run"].c.run_id == "waits")
            .values(state="failed", end_date=tx.now - timedelta(days=39))
        )
    )
    await engine.create("d", run_id="runs")
    await clean_history(engine.store, MONTH)
    assert await run_ids(engine) == {"waits", "runs"}
    obligation = metadata.tables["cancel_obligation"]
    await engine.store.write(lambda tx: tx.conn.execute(sa.update(obligation).values(state="done", holds=False)))
    await clean_history(engine.store, MONTH)
    assert await run_ids(engine) == {"runs"}
    assert "cancel_obligation" not in await rows(engine.store)


async def test_the_last_scheduled_run_is_kept_so_that_the_schedule_goes_on(engine: HandEngine) -> None:
    start = engine.clock.now() - timedelta(days=3)
    await engine.register(dag_spec("d", schedule="@daily", start_date=start, catchup=True, max_active_runs=9))
    await engine.start()
    for task in list(engine.executor.started.values()):
        await engine.end(task)
    await engine.settle()
    before = sorted(await run_ids(engine))
    await clean_history(engine.store, Cleaning(Retention(Keep(0, 0))))
    engine.clock.advance(1)
    await clean_history(engine.store, Cleaning(Retention(Keep(0, 0))))
    await engine.register(dag_spec("d", schedule="@daily", start_date=start, catchup=True, max_active_runs=9))
    await engine.settle()
    assert sorted(await run_ids(engine)) == before[-1:]


async def test_a_run_that_was_cleared_meanwhile_is_kept(
    engine: HandEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_old_and_a_new(engine)
    keep = module._keep  # pyright: ignore[reportPrivateUsage]  the moment between reading and deleting

    async def clear_then_keep(store: Store, portion: Any, archive: Path) -> None:
        await clear_tasks(
            store,
            "d",
            which_runs=RunChoice(run_ids=frozenset({"old1"})),
            which_tasks=TaskChoice(),
            by="ada",
        )
        await keep(store, portion, archive)

    monkeypatch.setattr(module, "_keep", clear_then_keep)
    archive = engine.logs.root / "archive.jsonl.gz"
    await clean_history(engine.store, Cleaning(Retention(Keep(30)), archive=archive))
    assert await run_ids(engine) == {"old1", "new"}
    assert (await rows(engine.store))["task_instance"] == 4


async def test_a_large_run_goes_bit_by_bit(engine: HandEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_INSTANCES", 3)
    await engine.register(dag_spec("d", {f"t{number}": [] for number in range(8)}))
    await run_of(engine, "large")
    engine.clock.advance(40 * 86_400)
    done = await clean_history(engine.store, MONTH)
    assert done.rows["task_instance"] == 8
    assert await run_ids(engine) == set()


async def test_an_archive_keeps_what_is_deleted(engine: HandEngine, tmp_path: Path) -> None:
    await two_old_and_a_new(engine)
    archive = tmp_path / "kept" / "history.jsonl.gz"
    await clean_history(engine.store, Cleaning(Retention(Keep(30)), archive=archive))
    with gzip.open(archive) as file:
        lines = [msgspec.json.decode(line) for line in file]
    tables = [line["table"] for line in lines]
    assert {name: tables.count(name) for name in set(tables)} == {
        "dag_run": 2,
        "task_instance": 4,
        "task_event": 16,
        "xcom": 4,
    }
    assert {line["run_id"] for line in lines if line["table"] == "dag_run"} == {"old1", "old2"}
    assert next(line["value"] for line in lines if line["table"] == "xcom") == {"a": 1}
    assert archive.stat().st_mode & 0o777 == 0o600


async def test_an_archive_keeps_the_error_of_each_try(engine: HandEngine, tmp_path: Path) -> None:
    await engine.run_of(dag_spec("d", each={"retries": 1, "retry_delay": 1.0}))
    for number in (1, 2):
        await engine.finish("a", "failed", error=f"ValueError: {number}")
        engine.clock.advance(2)
        await engine.settle()
    await engine.create("d", run_id="newest")
    await engine.finish("a")
    engine.clock.advance(40 * 86_400)
    archive = tmp_path / "history.jsonl.gz"
    await clean_history(engine.store, Cleaning(Retention(Keep(30)), archive=archive))
    with gzip.open(archive) as file:
        lines = [msgspec.json.decode(line) for line in file]
    errors = [(line["state"], line["error"]) for line in lines if line["table"] == "task_error"]
    assert errors == [("up_for_retry", "ValueError: 1"), ("failed", "ValueError: 2")]


async def test_what_can_not_be_kept_is_not_deleted(engine: HandEngine, tmp_path: Path) -> None:
    await two_old_and_a_new(engine)
    (tmp_path / "kept").write_text("a file where a folder is to be")
    with pytest.raises(ArchiveError, match="can't be written"):
        await clean_history(
            engine.store, Cleaning(Retention(Keep(30)), archive=tmp_path / "kept" / "history.jsonl.gz")
        )
    assert await run_ids(engine) == {"old1", "old2", "new"}


async def test_versions_go_when_no_run_is_of_them(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", {"a": []}))
    await run_of(engine, "old")
    await engine.register(dag_spec("d", {"a": [], "b": []}))
    engine.clock.advance(40 * 86_400)
    await run_of(engine, "new")
    await engine.register(dag_spec("d", {"a": [], "c": []}))
    numbers = sa.select(dag_version.c.version_number).order_by(dag_version.c.version_number)
    done = await clean_history(engine.store, MONTH)
    assert done.rows["dag_version"] == 1
    assert await engine.store.read(lambda tx: list(tx.conn.execute(numbers).scalars())) == [2, 3]


async def test_old_notes_of_who_did_what_go_too(engine: HandEngine) -> None:
    await two_old_and_a_new(engine)
    before = (await rows(engine.store))["log"]
    done = await clean_history(engine.store, Cleaning(Retention(Keep(30)), tables=("log", "session")))
    assert done.rows["log"] == 2
    assert (await rows(engine.store))["log"] == before - 2
    assert await run_ids(engine) == {"old1", "old2", "new"}
    # Who did what is of no DAG.
    of_one = Cleaning(Retention(Keep(0)), dag_ids=["d"], tables=("log",))
    assert not any((await clean_history(engine.store, of_one)).rows.values())
