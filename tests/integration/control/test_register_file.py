"""What a parse of a DAG file found is stored: DAGs, versions, errors."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
import sqlalchemy as sa

from bide.control.register_file import forget_file, known_files, register_file
from bide.model.dag_spec import DagSpec
from bide.store import specs, views
from bide.store.schema import dag_version
from bide.wire.messages import FileError, FileParsed
from tests.support.dag_specs import FOLDER, dag_spec, parsed
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")


async def register(engine: HandEngine, answer: FileParsed, *, gone: frozenset[str] = frozenset()) -> FileParsed:
    return await register_file(
        engine.store, answer, folder=FOLDER, paused_at_creation=False, is_file=lambda path: path not in gone
    )


async def active(engine: HandEngine) -> dict[str, str]:
    """Files of the active DAGs by id."""
    rows, _ = await engine.store.read(views.list_dags)
    return {row.dag_id: row.fileloc for row in rows}


async def errors(engine: HandEngine) -> list[tuple[str, str | None, str]]:
    rows, _ = await engine.store.read(views.list_import_errors)
    return [(row.filename, row.dag_id, row.message) for row in rows]


async def versions(engine: HandEngine, dag_id: str = "d") -> int:
    query = sa.select(sa.func.count()).select_from(dag_version).where(dag_version.c.dag_id == dag_id)
    return await engine.store.read(lambda tx: tx.conn.execute(query).scalar_one())


def broken(path: str, message: str = "SyntaxError: invalid syntax", **fields: object) -> FileParsed:
    error = FileError(message, traceback="Traceback ...", line=3, **fields)  # type: ignore[arg-type]
    return FileParsed(path=path, dags=(), errors=(error,), inputs={}, duration=0.1)


async def test_what_is_known_of_a_dag(engine: HandEngine) -> None:
    spec = dag_spec(
        "d",
        schedule="@daily",
        description="Loads",
        owner="ada",
        tags=("x", "y"),
        max_active_runs=3,
        max_active_tasks=5,
    )
    await register(engine, parsed(spec))
    row = await engine.store.read(lambda tx: views.get_dag(tx, "d"))
    assert row is not None
    assert (row.description, row.owners, row.tags, row.timetable_summary) == ("Loads", "ada", ["x", "y"], "@daily")
    assert (row.max_active_runs, row.max_active_tasks, row.version_number) == (3, 5, 1)
    assert row.last_parsed_at == engine.clock.now()
    stored = await engine.store.read(lambda tx: specs.structure_of(tx, row.version_uid).spec)
    assert stored == spec


async def test_equal_dags_share_a_version(engine: HandEngine) -> None:
    for _ in range(3):
        await register(engine, parsed(dag_spec("d")))
    assert await versions(engine) == 1


async def test_a_change_makes_a_version_and_going_back_makes_none(engine: HandEngine) -> None:
    one, other = dag_spec("d"), dag_spec("d", {"a": [], "b": []})
    for spec in (one, other, one, other):
        await register(engine, parsed(spec))
    assert await versions(engine) == 2
    row = await engine.store.read(lambda tx: views.get_dag(tx, "d"))
    assert row is not None
    assert row.version_number == 2


def dated(day: int, stamp: int = 1, **fields: object) -> FileParsed:
    """A file whose DAG begins on another day at each import."""
    spec = dag_spec("d", start_date=datetime(2026, 1, day, tzinfo=UTC), **fields)
    return msgspec.structs.replace(parsed(spec), inputs={spec.file: (stamp, 10)})


async def test_a_start_date_of_today_makes_no_version_a_day(engine: HandEngine) -> None:
    for day in (1, 2, 3):
        await register(engine, dated(day))
    assert await versions(engine) == 1
    row = await engine.store.read(lambda tx: views.get_dag(tx, "d"))
    assert row is not None
    spec = await engine.store.read(lambda tx: specs.structure_of(tx, row.version_uid).spec)
    assert spec.start_date == "2026-01-01T00:00:00+00:00", "one that moves on would never come"


async def test_another_date_in_changed_code_is_another_version(engine: HandEngine) -> None:
    await register(engine, dated(1))
    await register(engine, dated(2, stamp=2))
    assert await versions(engine) == 2
    await register(engine, dated(3, stamp=2, catchup=True))
    assert await versions(engine) == 3, "and what else has changed counts as ever"


async def test_a_dag_that_moves_to_another_file_keeps_its_history(engine: HandEngine) -> None:
    old, new = dag_spec("d"), dag_spec("d")
    await register(engine, parsed(old))
    run = await engine.create("d")
    await engine.finish("a")
    moved = msgspec.structs.replace(new, file=f"{FOLDER}/renamed.py")
    await register(engine, msgspec.structs.replace(parsed(moved), path=moved.file), gone=frozenset({old.file}))
    await forget_file(engine.store, old.file)
    assert await active(engine) == {"d": moved.file}
    shown = await engine.store.read(lambda tx: views.get_run(tx, "d", run.run_id))
    assert shown is not None


async def test_a_broken_file_keeps_its_last_good_dags(engine: HandEngine) -> None:
    await register(engine, parsed(dag_spec("d")))
    await register(engine, broken("/dags/d.py"))
    assert await active(engine) == {"d": "/dags/d.py"}
    assert await errors(engine) == [("/dags/d.py", None, "SyntaxError: invalid syntax")]
    await register(engine, parsed(dag_spec("d")))
    assert await errors(engine) == []


async def test_an_error_of_one_dag_keeps_that_dag_and_the_others(engine: HandEngine) -> None:
    both = [dag_spec(name, file="/dags/two.py") for name in ("d", "e")]
    await register(engine, parsed(*both))
    await register(
        engine, parsed(both[1], errors=(FileError("CycleError: a -> b -> a", dag_id="d"),), path="/dags/two.py")
    )
    assert set(await active(engine)) == {"d", "e"}
    assert await errors(engine) == [("/dags/two.py", "d", "CycleError: a -> b -> a")]


async def test_a_dag_that_a_file_no_longer_makes_is_deactivated(engine: HandEngine) -> None:
    both = [dag_spec(name, file="/dags/two.py") for name in ("d", "e")]
    await register(engine, parsed(*both))
    await register(engine, parsed(both[0]))
    assert set(await active(engine)) == {"d"}
    await register(engine, parsed(*both))
    assert set(await active(engine)) == {"d", "e"}


async def test_a_file_without_dags_any_more(engine: HandEngine) -> None:
    await register(engine, parsed(dag_spec("d")))
    await register(engine, FileParsed("/dags/d.py", (), (), {}, 0.1))
    assert await active(engine) == {}


async def test_a_file_that_is_gone_takes_its_dags_and_errors_along(engine: HandEngine) -> None:
    await register(engine, parsed(dag_spec("d")))
    await register(engine, broken("/dags/d.py"))
    run = await engine.create("d")
    assert await known_files(engine.store) == {"/dags/d.py"}
    await forget_file(engine.store, "/dags/d.py")
    assert (await active(engine), await errors(engine), await known_files(engine.store)) == ({}, [], set())
    await engine.finish("a")
    assert (await engine.run_row(run))["state"] == "success", "its runs go on"


async def test_a_dag_id_of_another_file_is_refused_and_that_one_stays(engine: HandEngine) -> None:
    await register(engine, parsed(dag_spec("d", file="/dags/first.py")))
    stored = await register(
        engine, parsed(dag_spec("d", file="/dags/second.py"), dag_spec("e", file="/dags/second.py"))
    )
    assert await active(engine) == {"d": "/dags/first.py", "e": "/dags/second.py"}
    assert [spec.dag_id for spec in stored.dags] == ["e"]
    (error,) = await errors(engine)
    assert error[:2] == ("/dags/second.py", "d")
    assert "/dags/first.py makes a DAG of that id too; rename one of them" in error[2]
    assert await versions(engine) == 1


async def test_a_dag_id_passes_on_when_its_file_gave_it_up(engine: HandEngine) -> None:
    first, second = (dag_spec("d", file=f"/dags/{name}.py") for name in ("first", "second"))
    await register(engine, parsed(first))
    await register(engine, FileParsed(first.file, (), (), {}, 0.1))
    await register(engine, parsed(second))
    assert await active(engine) == {"d": second.file}
    assert await errors(engine) == []


async def test_a_dag_id_passes_on_when_its_file_is_gone_unnoticed(engine: HandEngine) -> None:
    first, second = (dag_spec("d", file=f"/dags/{name}.py") for name in ("first", "second"))
    await register(engine, parsed(first))
    await register(engine, parsed(second), gone=frozenset({first.file}))
    assert await active(engine) == {"d": second.file}


async def test_errors_are_those_of_the_newest_parse(engine: HandEngine) -> None:
    await register(engine, broken("/dags/d.py", "one"))
    await register(engine, broken("/dags/d.py", "two"))
    await register(engine, broken("/dags/e.py", "three"))
    assert [message for _, _, message in await errors(engine)] == ["two", "three"]


async def test_a_dag_of_a_thousand_tasks(engine: HandEngine) -> None:
    chain = {f"t{number}": [f"t{number - 1}"] if number else [] for number in range(1_000)}
    spec: DagSpec = dag_spec("d", chain)
    await register(engine, parsed(spec))
    row = await engine.store.read(lambda tx: views.get_dag(tx, "d"))
    assert row is not None
    assert await engine.store.read(lambda tx: specs.structure_of(tx, row.version_uid).spec) == spec


async def test_specs_are_decoded_once(engine: HandEngine) -> None:
    await register(engine, parsed(dag_spec("d")))
    row = await engine.store.read(lambda tx: views.get_dag(tx, "d"))
    assert row is not None
    first, second = [await engine.store.read(lambda tx: specs.structure_of(tx, row.version_uid)) for _ in range(2)]
    assert first is second
    assert len(await engine.store.read(lambda tx: specs.hash_of(tx, row.version_uid))) == 32
