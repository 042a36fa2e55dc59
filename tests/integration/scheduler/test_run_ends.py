"""Runs that end before their tasks do: ``dagrun_timeout``, ``fail_fast``; DAGs that pause after failures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from bide.control.clear_tasks import clear_tasks
from bide.control.pause_dag import pause_dag
from bide.model.errors import Conflict
from bide.model.selection import RunChoice, TaskChoice
from bide.store.schema import cancel_obligation, dag, log
from bide.wire.messages import Finish
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, poll

pytestmark = pytest.mark.usefixtures("no_blocking")

SHAPE = {"a": [], "b": [], "c": ["a"]}


# --- dagrun_timeout


async def test_a_run_that_is_over_its_time_fails_and_skips_what_is_left(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", SHAPE, dagrun_timeout=60.0))
    await engine.defer("b", poll(has_on_kill=True))
    started = engine.clock.now()
    assert await engine.settle() == started + timedelta(seconds=60)
    engine.clock.advance(59.9)
    await engine.settle()
    assert await engine.states(run) == {"a": "running", "b": "deferred", "c": "none"}
    engine.clock.advance(0.2)
    await engine.settle()
    assert await engine.states(run) == {"a": "skipped", "b": "skipped", "c": "skipped"}
    row = await engine.run_row(run)
    assert (row["state"], row["reason"]) == ("failed", "the run's dagrun_timeout of 60 s is over")
    assert engine.executor.cancelled, "its worker was told"
    query = sa.select(sa.func.count()).select_from(cancel_obligation)
    assert await engine.store.read(lambda tx: tx.conn.execute(query).scalar_one()) == 1


async def test_a_run_that_ends_in_time_has_no_deadline_any_more(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", dagrun_timeout=60.0))
    await engine.finish("a")
    assert (await engine.run_row(run))["deadline"] is None
    assert await engine.settle() is None


async def test_waiting_for_room_is_no_time_of_the_run(engine: HandEngine) -> None:
    spec = dag_spec("d", dagrun_timeout=60.0, max_active_runs=1)
    await engine.run_of(spec)
    second = await engine.create("d")
    await engine.start()
    engine.clock.advance(50)
    await engine.finish("a")
    engine.clock.advance(50)
    await engine.settle()
    assert (await engine.run_row(second))["state"] == "running"


async def test_a_run_that_is_cleared_has_its_whole_time_again(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", dagrun_timeout=60.0))
    engine.clock.advance(100)
    await engine.start()
    engine.clock.advance(61)
    await engine.settle()
    assert (await engine.run_row(run))["state"] == "failed"
    await clear_tasks(engine.store, "d", which_runs=RunChoice(), which_tasks=TaskChoice(), by="test")
    engine.executor.started.clear()
    await engine.start()
    engine.clock.advance(59)
    await engine.settle()
    assert (await engine.run_row(run))["state"] == "running"
    engine.clock.advance(1)
    await engine.settle()
    assert (await engine.run_row(run))["state"] == "failed"


# --- fail_fast


async def test_the_first_failure_stops_the_rest(engine: HandEngine) -> None:
    shape = {"a": [], "running": [], "waiting": [], "after": ["running"], "done": []}
    run = await engine.run_of(dag_spec("d", shape, fail_fast=True))
    await engine.finish("done")
    await engine.defer("waiting", poll())
    await engine.finish("a", "failed")
    assert await engine.states(run) == {
        "a": "failed",
        "running": "failed",
        "waiting": "skipped",
        "after": "skipped",
        "done": "success",
    }
    assert (await engine.instance("running"))["error"] == "stopped: a has failed, and its DAG is fail_fast"
    assert (await engine.run_row(run))["state"] == "failed"


async def test_a_try_that_fails_with_others_to_follow_stops_nothing(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", SHAPE, fail_fast=True, tasks={"a": {"retries": 1}}))
    await engine.finish("a", "failed")
    assert await engine.states(run) == {"a": "up_for_retry", "b": "running", "c": "none"}


async def test_without_fail_fast_the_others_go_on(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", SHAPE))
    await engine.finish("a", "failed")
    assert await engine.states(run) == {"a": "failed", "b": "running", "c": "upstream_failed"}


# --- after failures


async def paused(engine: HandEngine) -> bool:
    return bool(await engine.store.read(lambda tx: tx.conn.execute(sa.select(dag.c.is_paused)).scalar_one()))


async def test_a_dag_is_paused_when_its_newest_runs_have_failed(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", max_consecutive_failed_dag_runs=2))
    for state, is_paused in (("failed", False), ("success", False), ("failed", False), ("failed", True)):
        await engine.create("d")
        await engine.start()
        (task,) = engine.executor.started.values()
        await engine.ask(task, Finish(state))
        engine.executor.started.clear()
        await engine.settle()
        assert await paused(engine) is is_paused
    rows = await engine.store.read(
        lambda tx: tx.conn.execute(sa.select(log.c.owner, log.c.extra).where(log.c.event == "pause_dag")).all()
    )
    assert [tuple(row) for row in rows] == [
        ("scheduler", "paused: its last 2 runs have failed (max_consecutive_failed_dag_runs)")
    ]


# --- types of runs


async def test_a_run_of_a_type_that_is_not_allowed_is_refused(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", allowed_run_types=("scheduled",)))
    with pytest.raises(Conflict, match="may have no manual runs: its allowed_run_types are scheduled"):
        await engine.create("d")
    await engine.create("d", run_type="scheduled")


# --- catching up


@pytest.mark.parametrize(("catchup", "due"), [(True, 100), (False, 1)])
async def test_whoever_unpauses_is_told_how_many_runs_that_makes(
    engine: HandEngine, catchup: bool, due: int
) -> None:
    engine.clock.move_to(datetime(2026, 4, 11, 0, 0, 1, tzinfo=UTC))
    spec = dag_spec("d", schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=catchup)
    await engine.register(spec, paused=True)
    assert await pause_dag(engine.store, "d", False, by="ada") == due
    await engine.settle()
    assert len(await engine.run_states()) == due
    assert await pause_dag(engine.store, "d", True, by="ada") == 0
