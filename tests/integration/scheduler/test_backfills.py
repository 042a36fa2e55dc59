"""Backfills: what the scheduler makes of a range of dates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bide.control.change_backfill import cancel_backfill, pause_backfill
from bide.control.create_backfill import BackfillRequest, create_backfill, plan_backfill
from bide.control.lose_task import rescue_lost
from bide.model.backfills import BackfillState, Reprocess, Step
from bide.model.errors import Conflict, InvalidArgument, NotFound
from bide.store import backfill_views, backfills
from bide.store.backfills import BackfillRow
from bide.store.schema import dag, dag_run
from bide.wire.messages import Finish
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

FIRST = datetime(2024, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return FIRST + timedelta(days=number)


def daily(dag_id: str = "d", **fields: Any) -> Any:
    """A daily DAG whose own schedule has nothing to do at the moment."""
    return dag_spec(dag_id, schedule="@daily", **fields)


async def backfilled(engine: HandEngine, days: int = 5, dag_id: str = "d", **fields: Any) -> BackfillRow:
    asked = BackfillRequest(dag_id, FIRST, day(days - 1), **fields)
    return await create_backfill(engine.store, asked, by="ada")


async def dates(engine: HandEngine, *states: str) -> list[str]:
    """Days of January of the runs of backfills in these states, in the order in which they were made."""
    found = await engine.run_states()
    return [
        run_id.removeprefix("backfill__")[8:10]
        for run_id, state in found.items()
        if run_id.startswith("backfill") and (not states or state in states)
    ]


async def finish_one(engine: HandEngine, state: str = "success", which: Callable[[str], bool] = bool) -> str:
    """End the task of the run that was made first, of those that run; the run's id."""
    await engine.start()
    task = min(
        (one for one in engine.executor.started.values() if which(one.instance.run_id)),
        key=lambda one: one.instance.id,
    )
    await engine.ask(task, Finish(state))
    del engine.executor.started[task.instance.id]
    await engine.settle()
    return task.instance.run_id


async def state_of(engine: HandEngine, row: BackfillRow) -> BackfillState:
    found = await engine.store.read(lambda tx: backfills.get(tx, row.id))
    assert found is not None
    return found.state


async def to_its_end(engine: HandEngine, row: BackfillRow, state: str = "success") -> list[str]:
    """Finish task after task until the backfill is over; the runs in the order of their ends."""
    ended: list[str] = []
    await engine.settle()
    while await state_of(engine, row) is BackfillState.RUNNING:
        ended.append(await finish_one(engine, state))
    return ended


async def test_each_date_gets_a_run_both_ends_included_the_oldest_first(engine: HandEngine) -> None:
    await engine.register(daily(), paused=True)
    row = await backfilled(engine, days=31, conf={"why": "a bug"})
    ended = await to_its_end(engine, row)
    assert ended == [f"backfill__2024-01-{number:02}T00:00:00+00:00" for number in range(1, 32)]
    assert sorted(await dates(engine, "success")) == [f"{number:02}" for number in range(1, 32)]
    run = await engine.store.read(lambda tx: backfills.existing_runs(tx, "d", [day(3)]))
    assert run[day(3)].run_id == "backfill__2024-01-04T00:00:00+00:00"


@pytest.mark.parametrize(
    ("own", "of_dag", "expected"), [(None, 4, 3), (2, 4, 2), (9, 4, 3), (None, 1, 1), (5, 1, 1), (None, 2, 1)]
)
async def test_no_more_runs_than_may_be_under_way(
    engine: HandEngine, own: int | None, of_dag: int, expected: int
) -> None:
    await engine.register(daily(max_active_runs=of_dag), paused=True)
    row = await backfilled(engine, days=12, max_active_runs=own)
    await engine.settle()
    for number in range(12):
        made = len(await dates(engine))
        assert made == 12 or number + expected < made <= number + 2 * expected
        assert len(await dates(engine, "running")) == min(expected, 12 - number)
        await finish_one(engine)
    assert await state_of(engine, row) is BackfillState.COMPLETED


async def test_the_newest_date_first(engine: HandEngine) -> None:
    await engine.register(daily(max_active_runs=1), paused=True)
    ended = await to_its_end(engine, await backfilled(engine, backwards=True))
    assert [run_id[18:20] for run_id in ended] == ["05", "04", "03", "02", "01"]


async def test_a_scheduled_run_takes_its_turn_with_a_backfill(engine: HandEngine) -> None:
    """Even where one run at a time is allowed: neither waits for more than one of the other kind."""
    start = engine.clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=6)
    await engine.register(daily(max_active_runs=1, start_date=start, catchup=True))
    row = await backfilled(engine, days=6)
    ended = await to_its_end(engine, row)
    kinds = [run_id.split("__")[0] for run_id in ended]
    assert kinds == ["scheduled", "backfill"] * 6


async def test_a_backfill_goes_on_where_an_engine_was_lost(engine: HandEngine) -> None:
    await engine.register(daily(max_active_runs=3), paused=True)
    row = await backfilled(engine)
    await finish_one(engine)
    await engine.lose_engine()
    await rescue_lost(engine.store, engine.session)
    await to_its_end(engine, row)
    assert sorted(await dates(engine, "success")) == ["01", "02", "03", "04", "05"]


# --- pause, resume, cancel


async def test_a_paused_backfill_starts_nothing_more_until_it_is_resumed(engine: HandEngine) -> None:
    await engine.register(daily(max_active_runs=3), paused=True)
    row = await backfilled(engine)
    await engine.settle()
    await pause_backfill(engine.store, row.id, True, by="ada")
    await finish_one(engine)
    await finish_one(engine)
    assert await dates(engine, "running") == []
    assert await state_of(engine, row) is BackfillState.PAUSED
    await engine.lose_engine()
    await engine.settle()
    assert await dates(engine, "running") == []
    await pause_backfill(engine.store, row.id, False, by="ada")
    await to_its_end(engine, row)
    assert sorted(await dates(engine, "success")) == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize(("stop_runs", "left"), [(False, ["01"]), (True, [])])
async def test_a_cancelled_backfill_leaves_its_other_dates(
    engine: HandEngine, stop_runs: bool, left: list[str]
) -> None:
    await engine.register(daily(max_active_runs=1), paused=True)
    row = await backfilled(engine)
    await engine.settle()
    await cancel_backfill(engine.store, row.id, stop_runs=stop_runs, by="ada")
    await engine.settle()
    assert await state_of(engine, row) is BackfillState.CANCELLED
    assert await dates(engine, "running") == left
    assert sorted(await dates(engine, "failed")) == [one for one in ("01", "02") if one not in left]
    with pytest.raises(Conflict, match="it is cancelled"):
        await pause_backfill(engine.store, row.id, True, by="ada")
    # Another one may begin.
    await backfilled(engine, reprocess=Reprocess.FAILED)


async def test_what_there_is_not_can_not_be_paused(engine: HandEngine) -> None:
    with pytest.raises(NotFound, match="there is no backfill 7"):
        await pause_backfill(engine.store, 7, True, by="ada")


async def test_failures_of_a_backfill_do_not_pause_its_dag(engine: HandEngine) -> None:
    await engine.register(daily(max_consecutive_failed_dag_runs=2))
    await to_its_end(engine, await backfilled(engine, days=3), "failed")
    assert not await engine.store.read(lambda tx: tx.conn.execute(sa.select(dag.c.is_paused)).scalar_one())


# --- dates that have a run


async def with_runs(engine: HandEngine) -> None:
    """The first two days have runs: one that has succeeded, one of which a task has failed."""
    await engine.register(daily(upstream={"a": [], "b": ["a"]}, max_active_runs=9), paused=True)
    for number, states in enumerate((("success", "success"), ("success", "failed"))):
        await engine.create("d", logical_date=day(number), run_id=f"old{number}")
        for task_id, state in zip(("a", "b"), states, strict=True):
            await engine.finish(task_id, state)
    assert await engine.run_states() == {"old0": "success", "old1": "failed"}


@pytest.mark.parametrize(
    ("reprocess", "steps"),
    [
        (Reprocess.NONE, [Step.EXISTS, Step.EXISTS, Step.MAKE]),
        (Reprocess.FAILED, [Step.EXISTS, Step.AGAIN, Step.MAKE]),
        (Reprocess.COMPLETED, [Step.AGAIN, Step.AGAIN, Step.MAKE]),
    ],
)
async def test_what_becomes_of_dates_that_have_a_run(
    engine: HandEngine, reprocess: Reprocess, steps: list[Step]
) -> None:
    await with_runs(engine)
    asked = BackfillRequest("d", FIRST, day(2), reprocess)
    planned = await plan_backfill(engine.store, asked)
    assert [one.step for one in planned] == steps
    assert [one.run_id for one in planned] == ["old0", "old1", None]
    assert len(await engine.run_states()) == 2, "a dry run makes nothing"
    await create_backfill(engine.store, asked, by="ada")
    await engine.settle()
    running = {run_id for run_id, state in (await engine.run_states()).items() if state == "running"}
    expected = {name for name, step in zip(("old0", "old1"), steps, strict=False) if step is Step.AGAIN}
    assert running == {*expected, "backfill__2024-01-03T00:00:00+00:00"}


async def test_only_what_failed_runs_again(engine: HandEngine) -> None:
    await with_runs(engine)
    row = await backfilled(engine, days=2, reprocess=Reprocess.FAILED, only_failed=True)
    started = await engine.start()
    assert set(started) == {"b"}
    assert await to_its_end(engine, row) == ["old1"]
    assert await engine.run_states() == {"old0": "success", "old1": "success"}


async def test_a_date_whose_run_is_under_way_is_left_out(engine: HandEngine) -> None:
    await engine.register(daily(), paused=True)
    await engine.create("d", logical_date=FIRST, run_id="mine")
    row = await backfilled(engine, days=1, reprocess=Reprocess.COMPLETED)
    await engine.settle()
    assert await state_of(engine, row) is BackfillState.COMPLETED
    assert list(await engine.run_states()) == ["mine"]


# --- what people see


async def test_what_came_of_each_date_can_be_seen(engine: HandEngine) -> None:
    await with_runs(engine)
    row = await backfilled(engine, days=4, max_active_runs=1, reprocess=Reprocess.FAILED)
    await engine.settle()
    await engine.store.write(lambda tx: tx.conn.execute(sa.delete(dag_run).where(dag_run.c.run_id == "old1")))
    view = await engine.store.read(lambda tx: backfill_views.view_backfill(tx, row.id))
    assert view is not None
    assert view.counts == {"left_out": 1, "deleted": 1, "queued": 1, "planned": 1}
    assert view.done == 2
    await cancel_backfill(engine.store, row.id, by="ada")
    dates_ = await engine.store.read(lambda tx: backfill_views.list_dates(tx, row.id))
    assert [(one.state, one.reason) for one in dates_] == [
        ("left_out", "already exists"),
        ("deleted", None),
        ("failed", None),
        ("cancelled", None),
    ]
    for fields in ({}, {"dag_id": "d"}, {"only_active": False}):
        found, total = await engine.store.read(lambda tx, more=fields: backfill_views.list_backfills(tx, **more))
        assert ([one.row.id for one in found], total) == ([row.id], 1)
    assert await engine.store.read(lambda tx: backfill_views.list_backfills(tx, only_active=True)) == ([], 0)


# --- what is refused


async def test_one_backfill_of_a_dag_at_a_time(engine: HandEngine) -> None:
    await engine.register(daily(), paused=True)
    await backfilled(engine)
    with pytest.raises(Conflict, match=r"DAG 'd' has backfill [0-9]+, which is running"):
        await backfilled(engine)


@pytest.mark.parametrize(
    ("fields", "dag", "message"),
    [
        ({"days": 0}, {}, "ends before it begins"),
        ({"max_active_runs": 0}, {}, "max_active_runs must be at least 1, not 0"),
        ({"only_failed": True}, {}, "reprocess failed runs as well"),
        ({"backwards": True}, {"each": {"depends_on_past": True}}, "task 'a' depends on its past"),
        ({}, {"allowed_run_types": ("scheduled",)}, "may have no backfill runs"),
    ],
)
async def test_what_can_not_be_done_is_refused(
    engine: HandEngine, fields: dict[str, Any], dag: dict[str, Any], message: str
) -> None:
    await engine.register(daily(**dag), paused=True)
    with pytest.raises(InvalidArgument, match=message):
        await backfilled(engine, **fields)


async def test_a_dag_without_dates_is_refused(engine: HandEngine) -> None:
    await engine.register(dag_spec("d"))
    with pytest.raises(InvalidArgument, match="kind 'none' does not say which dates"):
        await backfilled(engine)
    with pytest.raises(NotFound, match="there is no DAG 'other'"):
        await backfilled(engine, dag_id="other")
    await engine.register(daily("ahead"), paused=True)
    asked = BackfillRequest("ahead", engine.clock.now(), engine.clock.now() + timedelta(days=3))
    with pytest.raises(InvalidArgument, match="no run of the schedule is due between"):
        await create_backfill(engine.store, asked, by="ada")
