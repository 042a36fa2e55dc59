"""Tasks that wait for other runs: the engine lets them go on, and nothing looks meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bide.control.clear_tasks import clear_tasks
from bide.control.mark_run import mark_run
from bide.control.mark_tasks import mark_tasks
from bide.model.dag_spec import GroupSpec
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import RunState, TaskState
from bide.model.values import decode
from bide.model.watching import Watch
from bide.store.runs import RunRow
from bide.store.schema import dag_run, resume, watch
from bide.wire.messages import AskWatch, Defer, Ok, Refused, RunStarted, StartRun, WaitSpec, WatchVerdict
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

DAY = datetime(2026, 3, 1, tzinfo=UTC)
OTHER = dag_spec("other", {"load": [], "after": ["load"]})


def waiting(**fields: Any) -> WaitSpec:
    return WaitSpec("signal", "x.WatchTrigger", b"{}", signal="other_runs", watch=Watch("other", **fields))


async def consumer(engine: HandEngine, **fields: Any) -> RunRow:
    """A run whose only task waits for `other`."""
    run = await engine.run_of(dag_spec("consumer"))
    assert isinstance(await engine.defer("a", waiting(**fields)), Ok)
    return run


async def resumed(engine: HandEngine) -> dict[str, Any] | None:
    """The event with which the consumer's task goes on."""
    found = await engine.store.read(lambda tx: tx.conn.execute(sa.select(resume.c.event)).scalars().all())
    return decode(found[0]) if found else None


async def state_of(engine: HandEngine, run: RunRow) -> str:
    await engine.settle()
    return (await engine.states(run))["a"]


async def test_a_task_goes_on_when_a_task_of_another_run_ends(engine: HandEngine) -> None:
    other = await engine.run_of(OTHER, logical_date=DAY)
    run = await consumer(engine, logical_dates=(DAY.isoformat(),), task_ids=("load",))
    assert await state_of(engine, run) == "deferred"
    await engine.finish("load")
    assert await state_of(engine, run) == "running"
    assert await resumed(engine) == {"status": "success", "seen": "other is where it was waited for"}
    assert (await engine.states(other))["after"] == "running"
    left = await engine.store.read(lambda tx: tx.conn.execute(sa.select(watch)).all())
    assert left == []


async def test_a_run_that_is_made_later_is_waited_for_too(engine: HandEngine) -> None:
    run = await consumer(engine, logical_dates=(DAY.isoformat(),))
    await engine.run_of(OTHER, logical_date=DAY)
    await engine.finish("load")
    assert await state_of(engine, run) == "deferred"
    await engine.finish("after")
    assert await state_of(engine, run) == "running"


async def test_a_run_that_has_ended_before_is_seen_at_once(engine: HandEngine) -> None:
    await engine.run_of(OTHER, logical_date=DAY)
    await engine.finish("load")
    await engine.finish("after")
    run = await consumer(engine, logical_dates=(DAY.isoformat(),))
    assert await state_of(engine, run) == "running"


async def test_a_wait_may_end_its_task_without_a_worker(engine: HandEngine) -> None:
    await engine.run_of(OTHER, logical_date=DAY)
    run = await consumer(engine, logical_dates=(DAY.isoformat(),), task_ids=("load",), ends=True)
    await engine.finish("load")
    assert await state_of(engine, run) == "success"


@pytest.mark.parametrize(
    ("fields", "ends", "status"),
    [
        ({"failed": ("failed",)}, "failed", "failed"),
        ({"skipped": ("skipped",)}, "skipped", "skipped"),
        ({"allowed": ("failed",)}, "failed", "success"),
        ({"allowed": ("success", "skipped")}, "skipped", "success"),
        ({}, "failed", None),
    ],
)
async def test_the_states_decide(engine: HandEngine, fields: Any, ends: str, status: str | None) -> None:
    await engine.run_of(OTHER, logical_date=DAY)
    await consumer(engine, logical_dates=(DAY.isoformat(),), task_ids=("load",), **fields)
    await engine.finish("load", ends)
    event = await resumed(engine)
    assert (event or {}).get("status") == status
    if status in ("failed", "skipped"):
        assert event is not None and event["seen"].startswith("load of run manual__2026-03-01")


async def test_several_tasks_and_dates_have_all_to_end(engine: HandEngine) -> None:
    later = datetime(2026, 3, 2, tzinfo=UTC)
    run = await consumer(
        engine, logical_dates=(DAY.isoformat(), later.isoformat()), task_ids=("load", "after"), ends=True
    )
    for day in (DAY, later):
        assert await state_of(engine, run) == "deferred"
        await engine.run_of(OTHER, logical_date=day)
        await engine.finish("load")
        assert await state_of(engine, run) == "deferred"
        await engine.finish("after")
    assert await state_of(engine, run) == "success"


async def test_a_group_stands_for_its_tasks(engine: HandEngine) -> None:
    groups = (GroupSpec("g", None), GroupSpec("g.h", "g"))
    tasks = {"load": {"group_id": "g"}, "after": {"group_id": "g.h"}}
    other = dag_spec("other", {"load": [], "after": [], "beside": []}, tasks=tasks, groups=groups)
    await engine.run_of(other, logical_date=DAY)
    run = await consumer(engine, logical_dates=(DAY.isoformat(),), group_id="g", ends=True)
    await engine.finish("load")
    assert await state_of(engine, run) == "deferred"
    await engine.finish("after")
    assert await state_of(engine, run) == "success"


async def test_marking_ends_a_wait(engine: HandEngine) -> None:
    other = await engine.run_of(OTHER, run_id="r1")
    run = await consumer(engine, run_ids=("r1",), task_ids=("after",), ends=True)
    which = {
        "which_runs": RunChoice(run_ids=frozenset({"r1"})),
        "which_tasks": TaskChoice(task_ids=frozenset({"after"})),
    }
    await mark_tasks(engine.store, "other", **which, state=TaskState.SUCCESS, by="ada")
    assert await state_of(engine, run) == "success"
    second = await consumer_again(engine, run_ids=("r1",), ends=True)
    await mark_run(engine.store, "other", other.run_id, RunState.SUCCESS, by="ada")
    assert await state_of(engine, second) == "success"


async def consumer_again(engine: HandEngine, **fields: Any) -> RunRow:
    run = await engine.create("consumer")
    await engine.defer("a", waiting(**fields))
    return run


async def test_a_run_that_failed_is_waited_for_until_it_is_cleared_and_ends_well(engine: HandEngine) -> None:
    await engine.run_of(OTHER, run_id="r1")
    run = await consumer(engine, run_ids=("r1",), ends=True)
    await engine.finish("load", "failed")
    assert await state_of(engine, run) == "deferred"
    await clear_tasks(engine.store, "other", which_runs=RunChoice(), which_tasks=TaskChoice(), by="ada")
    await engine.finish("load")
    await engine.finish("after")
    assert await state_of(engine, run) == "success"


async def test_a_wait_that_is_over_is_not_watched_for_any_more(engine: HandEngine) -> None:
    await engine.run_of(OTHER, run_id="r1")
    run = await consumer(engine, run_ids=("r1",), task_ids=("load",))
    await clear_tasks(engine.store, "consumer", which_runs=RunChoice(), which_tasks=TaskChoice(), by="ada")
    left = await engine.store.read(lambda tx: tx.conn.execute(sa.select(watch)).all())
    assert left == []
    await engine.finish("load")
    assert await state_of(engine, run) == "running"


async def test_many_waits_for_one_run_go_on_together(engine: HandEngine) -> None:
    await engine.run_of(OTHER, run_id="r1")
    engine.executor.slots = 2_000
    many = {f"w{number}": () for number in range(600)}
    run = await engine.run_of(dag_spec("many", many, max_active_tasks=2_000))
    spec = waiting(run_ids=("r1",), task_ids=("load",), ends=True)
    while left := [one for name, one in (await engine.start()).items() if name != "load"]:
        await engine.leave_all(left, Defer(spec, None, b"{}"))
    await engine.finish("load")
    await engine.settle()
    assert set((await engine.states(run)).values()) == {"success"}


# --- what a task asks


async def test_a_task_looks_by_itself(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("consumer"))
    await engine.start()
    asks = AskWatch(Watch("other", run_ids=("r1",), task_ids=("load", "gone")), check_existence=True)
    task = engine.started("a")
    reply = await engine.ask(task, asks)
    assert reply == WatchVerdict("waiting", "there is no run r1 of other yet", "there is no DAG 'other'")
    await engine.run_of(OTHER, run_id="r1")
    reply = await engine.ask(task, asks)
    assert isinstance(reply, WatchVerdict) and reply.missing == "DAG 'other' has no task 'gone'"
    reply = await engine.ask(task, AskWatch(Watch("other", run_ids=("r1",), task_ids=("load",))))
    assert isinstance(reply, WatchVerdict) and reply.seen == "load of run r1 is none"


async def test_a_task_makes_a_run_once_however_often_it_asks(engine: HandEngine) -> None:
    await engine.register(OTHER)
    await engine.run_of(dag_spec("consumer"))
    await engine.start()
    task = engine.started("a")
    first = await engine.ask(task, StartRun("other", conf=b'{"x": 1}', note="by a test"))
    assert isinstance(first, RunStarted) and first.outcome == "made"
    assert await engine.ask(task, StartRun("other")) == first
    query = sa.select(dag_run.c.conf, dag_run.c.triggered_by, dag_run.c.note).where(dag_run.c.dag_id == "other")
    ((conf, by, note),) = await engine.store.read(lambda tx: tx.conn.execute(query).all())
    assert (conf, note) == (b'{"x": 1}', "by a test")
    assert by == f"task consumer.a of run {task.run.run_id}"


async def test_a_run_that_is_asked_for_later_waits_until_then(engine: HandEngine) -> None:
    await engine.register(OTHER)
    await engine.run_of(dag_spec("consumer"))
    await engine.start()
    later = engine.clock.now() + timedelta(hours=2)
    reply = await engine.ask(engine.started("a"), StartRun("other", run_after=later.isoformat()))
    assert reply == RunStarted(f"manual__{later.isoformat()}", "made")
    query = sa.select(dag_run.c.state, dag_run.c.run_after).where(dag_run.c.dag_id == "other")
    assert await engine.settle() == later
    assert await engine.store.read(lambda tx: tx.conn.execute(query).all()) == [("queued", later)]
    engine.clock.advance(timedelta(hours=2).total_seconds())
    await engine.settle()
    assert await engine.store.read(lambda tx: tx.conn.execute(query).all()) == [("running", later)]


async def test_a_run_of_that_name_is_told_or_cleared(engine: HandEngine) -> None:
    other = await engine.run_of(OTHER, run_id="r1")
    await engine.finish("load")
    await engine.finish("after")
    await engine.run_of(dag_spec("consumer"))
    await engine.start()
    task = engine.started("a")
    assert await engine.ask(task, StartRun("other", run_id="r1")) == RunStarted("r1", "exists")
    assert await engine.ask(task, StartRun("other", run_id="r1", reset=True)) == RunStarted("r1", "reset")
    assert (await engine.run_row(other))["state"] == "queued"


async def test_a_run_of_that_logical_date_is_told(engine: HandEngine) -> None:
    await engine.run_of(OTHER, run_id="r1", logical_date=DAY)
    await engine.run_of(dag_spec("consumer"))
    await engine.start()
    reply = await engine.ask(engine.started("a"), StartRun("other", logical_date=DAY.isoformat()))
    assert reply == RunStarted("r1", "exists")


async def test_what_cannot_be_triggered_is_refused(engine: HandEngine) -> None:
    await engine.register(OTHER, paused=True)
    await engine.run_of(dag_spec("consumer"))
    await engine.start()
    task = engine.started("a")
    assert await engine.ask(task, StartRun("nowhere")) == Refused("there is no DAG 'nowhere' to trigger")
    reply = await engine.ask(task, StartRun("other", refuse_paused=True))
    assert isinstance(reply, Refused) and "is paused" in reply.reason


async def test_it_is_told_that_the_dag_is_paused(engine: HandEngine) -> None:
    await engine.register(OTHER, paused=True)
    await engine.run_of(dag_spec("consumer"))
    await engine.start()
    for _ in range(2):  # the second one finds it
        assert await engine.ask(engine.started("a"), StartRun("other", run_id="r1")) == RunStarted(
            "r1", "made", True
        )
