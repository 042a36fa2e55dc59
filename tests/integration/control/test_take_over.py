"""DAGs that move over from Airflow go on where it has stopped."""

from __future__ import annotations

import json
import pickle
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bide.control.clear_tasks import clear_tasks
from bide.control.mark_tasks import mark_tasks
from bide.control.pause_dag import pause_dag
from bide.control.take_over import Taken, take_over
from bide.model.errors import NotFound
from bide.model.map_spec import MapSpec, Source
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import TaskState
from bide.store import dags, xcoms
from bide.store.airflow_database import NotReadable
from bide.store.airflow_history import check_history, read_history
from bide.store.schema import dag_run, task_event, task_instance
from tests.support.airflow_tables import AIRFLOW_3, AirflowTables
from tests.support.clock import START
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

# Reading the other database is the work of a command that does nothing else.
TODAY = START.replace(hour=0)
#: Two years of daily runs lie before it.
SINCE = TODAY - timedelta(days=730)


def day(number: int) -> datetime:
    """The logical date of a daily run; that of -1 was due last."""
    return TODAY + timedelta(days=number)


@pytest.fixture
def airflow(tmp_path: Path) -> AirflowTables:
    return AirflowTables(tmp_path / "airflow.db")


async def move(
    engine: HandEngine, airflow: AirflowTables, *, newest: int = 100, overwrite: bool = False
) -> dict[str, Taken]:
    """What became of each DAG."""
    pasts = list(read_history(airflow.url, newest))
    return {past.dag_id: await take_over(engine.store, past, overwrite=overwrite, by="ada") for past in pasts}


async def run_ids(engine: HandEngine) -> list[str]:
    query = sa.select(dag_run.c.run_id).order_by(dag_run.c.run_after, dag_run.c.uid)
    return await engine.store.read(lambda tx: list(tx.conn.execute(query).scalars()))


async def states_of(engine: HandEngine, run_id: str) -> dict[tuple[str, int], str]:
    _ti = task_instance.c
    query = sa.select(_ti.task_id, _ti.map_index, _ti.state).where(_ti.run_id == run_id)
    return {
        (task, index): state for task, index, state in await engine.store.read(lambda tx: tx.conn.execute(query))
    }


async def clear(engine: HandEngine, run_id: str, *task_ids: str, only_failed: bool = False) -> None:
    chosen: Collection[str] | None = task_ids or None
    await clear_tasks(
        engine.store,
        "etl",
        which_runs=RunChoice(run_ids=frozenset({run_id})),
        which_tasks=TaskChoice(task_ids=None if chosen is None else frozenset(chosen), only_failed=only_failed),
        by="ada",
    )


DAILY = {"schedule": "@daily", "start_date": SINCE, "catchup": True}
CHAIN = {"a": [], "b": ["a"], "c": ["b"]}


@pytest.mark.parametrize("is_known_first", [False, True])
async def test_no_past_interval_is_run_again(
    engine: HandEngine, airflow: AirflowTables, is_known_first: bool
) -> None:
    airflow.dag("etl")
    for number in (-3, -2):
        airflow.run("etl", day(number), {"a": "success"})
    spec = dag_spec("etl", **DAILY)
    if is_known_first:
        await engine.register(spec, paused=True)
    taken = await move(engine, airflow)
    assert taken["etl"] == Taken(is_known_first, 2, 0, day(-1))
    await engine.register(spec)
    if is_known_first:
        assert await pause_dag(engine.store, "etl", False, by="ada") == 1
    await engine.settle()
    # The one interval that has ended since the last run in Airflow.
    made = [f"scheduled__{day(number).isoformat()}" for number in (-3, -2, -1)]
    assert await run_ids(engine) == made
    await engine.start()
    assert await states_of(engine, made[0]) == {("a", -1): "success"}
    assert await states_of(engine, made[-1]) == {("a", -1): "running"}


async def test_few_runs_are_enough_and_the_last_by_schedule_is_always_among_them(
    engine: HandEngine, airflow: AirflowTables
) -> None:
    airflow.dag("etl")
    airflow.run("etl", day(-3))
    last = airflow.run("etl", day(-2))
    by_hand = [airflow.run("etl", day(-1) + timedelta(hours=hour), kind="manual") for hour in range(3)]
    await move(engine, airflow, newest=2)
    assert await run_ids(engine) == [last, *by_hand[-2:]]
    await move(engine, airflow, newest=0)
    assert await run_ids(engine) == [last, *by_hand[-2:]]


async def test_backfilled_intervals_are_not_run_again(engine: HandEngine, airflow: AirflowTables) -> None:
    airflow.dag("etl")
    airflow.run("etl", day(-3))
    airflow.run("etl", day(-2), kind="backfill")
    await move(engine, airflow)
    await engine.register(dag_spec("etl", **DAILY))
    await engine.settle()
    assert (await run_ids(engine))[2:] == [f"scheduled__{day(-1).isoformat()}"]


async def test_a_dag_is_paused_here_as_it_was_there(engine: HandEngine, airflow: AirflowTables) -> None:
    airflow.dag("off", paused=True)
    airflow.dag("on")
    airflow.dag("old", gone=True)
    assert await move(engine, airflow) == {"off": Taken(True, 0, 0, None), "on": Taken(False, 0, 0, None)}
    for dag_id in ("off", "on"):
        await engine.register(dag_spec(dag_id))
    found = await engine.store.read(lambda tx: [dags.find(tx, dag_id) for dag_id in ("off", "on", "old")])
    assert [one and one.is_paused for one in found] == [True, False, None]


async def test_a_dag_that_is_known_keeps_its_flag_unless_it_is_to_be_overwritten(
    engine: HandEngine, airflow: AirflowTables
) -> None:
    airflow.dag("etl")
    await engine.register(dag_spec("etl"), paused=True)
    assert (await move(engine, airflow))["etl"].is_paused
    assert not (await move(engine, airflow, overwrite=True))["etl"].is_paused


async def test_taking_over_twice_adds_what_has_come_since(engine: HandEngine, airflow: AirflowTables) -> None:
    airflow.dag("etl")
    airflow.run("etl", day(-3), {"a": "success"})
    assert (await move(engine, airflow))["etl"].runs == 1
    await engine.register(dag_spec("etl", **DAILY), paused=True)
    airflow.run("etl", day(-2), {"a": "failed"}, state="failed")
    assert (await move(engine, airflow))["etl"].runs == 1
    assert (await move(engine, airflow))["etl"].runs == 0
    assert len(await run_ids(engine)) == 2


async def test_tasks_that_depend_on_their_past_see_it(engine: HandEngine, airflow: AirflowTables) -> None:
    airflow.dag("good")
    airflow.dag("bad")
    airflow.run("good", day(-2), {"a": "success"})
    airflow.run("bad", day(-2), {"a": "failed"}, state="failed")
    await move(engine, airflow)
    for dag_id in ("good", "bad"):
        await engine.register(dag_spec(dag_id, each={"depends_on_past": True}, **DAILY))
    assert {task.instance.dag_id for task in (await engine.start()).values()} == {"good"}


async def test_what_had_not_ended_has_failed_and_the_rest_can_be_run(
    engine: HandEngine, airflow: AirflowTables
) -> None:
    airflow.dag("etl")
    run_id = airflow.run("etl", day(-2), {"a": "success", "b": "running", "c": None}, state="running")
    airflow.xcom("etl", run_id, "a", [1, 2])
    assert (await move(engine, airflow))["etl"] == Taken(False, 1, 1, day(-1))
    assert await engine.run_states() == {run_id: "failed"}
    assert await states_of(engine, run_id) == {
        ("a", -1): "success",
        ("b", -1): "failed",
        ("c", -1): "upstream_failed",
    }
    with pytest.raises(NotFound, match="no file makes DAG 'etl' here yet"):
        await clear(engine, run_id, only_failed=True)
    # A task has come since, and one is no more.
    await engine.register(dag_spec("etl", {"a": [], "b": ["a"], "d": ["b"]}, start_date=SINCE))
    await clear(engine, run_id, only_failed=True)
    assert list(await engine.start()) == ["b"]
    (result,) = await engine.store.read(lambda tx: xcoms.pull(tx, "etl", run_id, ["a"], ["return_value"]))
    assert (result.value, result.length) == (b"[1,2]", 2)
    await engine.finish("b")
    await engine.finish("d")
    assert await engine.run_states() == {run_id: "success"}
    assert (await states_of(engine, run_id))["c", -1] == "upstream_failed"


async def test_runs_that_were_not_begun_are_made_here(engine: HandEngine, airflow: AirflowTables) -> None:
    airflow.dag("etl")
    done = airflow.run("etl", day(-3), {"a": "success"})
    airflow.run("etl", day(-2), {"a": None}, state="queued")
    await move(engine, airflow)
    assert await run_ids(engine) == [done]
    await engine.register(dag_spec("etl", max_active_runs=1, **DAILY))
    await engine.settle()
    assert (await run_ids(engine))[1:] == [f"scheduled__{day(number).isoformat()}" for number in (-2, -1)]


@pytest.mark.parametrize("chosen", ["m", "z"])
async def test_mapped_tasks_run_again(engine: HandEngine, airflow: AirflowTables, chosen: str) -> None:
    airflow.dag("etl")
    run_id = airflow.run("etl", day(-2), {"l": "success", "m[0]": "success", "m[1]": "success", "z": "success"})
    airflow.xcom("etl", run_id, "l", ["x", "y"])
    await move(engine, airflow)
    mapping = MapSpec((("x", Source("xcom", task_id="l", key="return_value")),))
    await engine.register(dag_spec("etl", {"l": [], "m": ["l"], "z": ["m"]}, tasks={"m": {"mapping": mapping}}))
    await clear(engine, run_id, chosen)
    await engine.start()
    started = sorted((task.instance.task_id, task.instance.map_index) for task in engine.executor.started.values())
    assert started == ([("m", 0), ("m", 1)] if chosen == "m" else [("z", -1)])
    for task in list(engine.executor.started.values()):
        await engine.end(task)
    await engine.start()
    assert await engine.run_states() == {run_id: "success"}


async def test_a_task_can_be_marked(engine: HandEngine, airflow: AirflowTables) -> None:
    airflow.dag("etl")
    run_id = airflow.run("etl", day(-2), {"a": "failed"}, state="failed")
    await move(engine, airflow)
    await mark_tasks(
        engine.store,
        "etl",
        which_runs=RunChoice(run_ids=frozenset({run_id})),
        which_tasks=TaskChoice(task_ids=frozenset({"a"})),
        state=TaskState.SUCCESS,
        by="ada",
    )
    assert await engine.run_states() == {run_id: "success"}


@pytest.mark.parametrize("release", ["2", "3"])
async def test_facts_of_runs_are_those_of_airflow(engine: HandEngine, tmp_path: Path, release: str) -> None:
    airflow = AirflowTables(tmp_path / "of.db", *([AIRFLOW_3] if release == "3" else []))
    airflow.dag(
        "etl", **({"timetable_type": "airflow.timetables.trigger.CronTriggerTimetable"} if release == "3" else {})
    )
    run_id = airflow.run("etl", day(-2), {"a": "skipped"}, kind="manual", conf={"n": [1, "x"]})
    airflow.xcom("etl", run_id, "a", {"k": 1.5})
    airflow.xcom("etl", run_id, "a", {"__classname__": "x.Y", "__data__": 1}, index=0)
    airflow.run("etl", day(-1), kind="dataset_triggered")
    (past,) = read_history(airflow.url, 10)
    assert past.is_ticking == (release == "3")
    assert [one.value for one in past.runs[0].xcoms] == [b'{"k":1.5}']
    await move(engine, airflow)
    first, second = await engine.store.read(
        lambda tx: tx.conn.execute(sa.select(dag_run).order_by(dag_run.c.run_after)).mappings().all()
    )
    assert (first["run_id"], first["run_type"], first["logical_date"]) == (run_id, "manual", day(-2))
    assert (first["data_interval_start"], first["data_interval_end"], first["end_date"]) == (
        day(-2),
        day(-1),
        day(-1),
    )
    assert (json.loads(first["conf"]), first["triggered_by"]) == ({"n": [1, "x"]}, "airflow")
    assert second["run_type"] == "asset_triggered"
    (one,) = await engine.store.read(lambda tx: tx.conn.execute(sa.select(task_instance)).mappings().all())
    assert (one["try_number"], one["duration"], one["operator"]) == (1, 1.5, "PythonOperator")
    events = await engine.store.read(lambda tx: tx.conn.execute(sa.select(task_event)).mappings().all())
    assert [(event["state"], event["by"], event["at"]) for event in events] == [("skipped", "airflow", day(-1))]


def test_what_is_pickled_is_never_called(tmp_path: Path) -> None:
    airflow = AirflowTables(tmp_path / "of.db")
    airflow.dag("etl")
    run_id = airflow.run("etl", day(-2), {"a": "success"}, conf={"when": datetime.now(UTC)})
    airflow.xcom("etl", run_id, "a", pickle.dumps({1, 2}))
    (past,) = read_history(airflow.url, 10)
    assert (past.runs[0].conf, past.runs[0].xcoms) == (b"{}", [])


def test_runs_without_ids_are_refused(tmp_path: Path) -> None:
    airflow = AirflowTables(
        tmp_path / "of.db",
        "CREATE TABLE dag (dag_id TEXT); CREATE TABLE xcom (key TEXT);"
        "CREATE TABLE dag_run (dag_id TEXT); CREATE TABLE task_instance (task_id TEXT, execution_date TIMESTAMP)",
    )
    with pytest.raises(NotReadable, match=r"before 2\.2 can't be taken over.*--no-history"):
        check_history(airflow.url)
