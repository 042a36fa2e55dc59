"""Runs that schedules call for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bide.control.mark_run import mark_run
from bide.control.pause_dag import pause_dag
from bide.control.register_file import forget_file
from bide.model.dag_spec import DagSpec, ScheduleSpec
from bide.model.schedule_spec import SpanSpec
from bide.model.states import RunState
from bide.store import dags, views
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

HOUR = timedelta(hours=1)


def hourly(**fields: Any) -> DagSpec:
    return dag_spec("d", schedule="@hourly", max_active_runs=1_000, **fields)


async def starts(engine: HandEngine) -> list[str]:
    """Starts of the intervals of all scheduled runs, in order."""
    rows, _ = await engine.store.read(lambda tx: views.list_runs(tx, views.Page(10_000)))
    return sorted(
        row.data_interval_start.strftime("%d %H:%M")
        for row in rows
        if row.run_type == "scheduled" and row.data_interval_start is not None
    )


async def next_run_at(engine: HandEngine) -> datetime | None:
    row = await engine.store.read(lambda tx: dags.find(tx, "d"))
    assert row is not None
    return row.next_run_at


# The clock begins at 12:00.


async def test_a_new_dag_without_catchup_gets_its_latest_interval(engine: HandEngine) -> None:
    await engine.register(hourly(start_date=datetime(2026, 1, 1, tzinfo=UTC)))
    assert await engine.settle() == engine.clock.now() + HOUR
    assert await starts(engine) == ["02 11:00"]
    assert list(await engine.run_states()) == ["scheduled__2026-03-02T11:00:00+00:00"]


async def test_a_run_comes_at_every_tick(engine: HandEngine) -> None:
    await engine.register(hourly())
    for _ in range(3):
        await engine.skip_to_next()
    assert await starts(engine) == ["02 11:00", "02 12:00", "02 13:00", "02 14:00"]
    assert await next_run_at(engine) == engine.clock.now() + HOUR


async def test_catchup_makes_every_run_since_the_start(engine: HandEngine) -> None:
    await engine.register(hourly(start_date=datetime(2026, 2, 28, 20, tzinfo=UTC), catchup=True))
    await engine.settle()
    assert len(await starts(engine)) == 40
    assert (await starts(engine))[0] == "01 00:00"


@pytest.mark.parametrize(
    ("catchup", "missed"), [(True, ["02 12:00", "02 13:00", "02 14:00"]), (False, ["02 14:00"])]
)
async def test_after_a_stop_of_three_intervals(engine: HandEngine, catchup: bool, missed: list[str]) -> None:
    await engine.register(hourly(start_date=datetime(2026, 3, 2, 11, tzinfo=UTC), catchup=catchup))
    await engine.settle()
    assert await starts(engine) == ["02 11:00"]
    await engine.lose_engine()
    engine.clock.advance(3 * 3600 + 60)
    await engine.settle()
    assert await starts(engine) == ["02 11:00", *missed]


@pytest.mark.parametrize(
    ("catchup", "missed"), [(True, ["02 12:00", "02 13:00", "02 14:00"]), (False, ["02 14:00"])]
)
async def test_a_paused_dag_gets_no_runs_and_afterwards_goes_by_its_catchup(
    engine: HandEngine, catchup: bool, missed: list[str]
) -> None:
    await engine.register(hourly(start_date=datetime(2026, 3, 2, 11, tzinfo=UTC), catchup=catchup))
    await engine.settle()
    await pause_dag(engine.store, "d", True, by="ada")
    engine.clock.advance(3 * 3600)
    assert await engine.settle() is None
    assert await starts(engine) == ["02 11:00"]
    await pause_dag(engine.store, "d", False, by="ada")
    await engine.settle()
    assert await starts(engine) == ["02 11:00", *missed]


async def test_runs_asked_for_and_runs_under_way_go_on_in_a_paused_dag(engine: HandEngine) -> None:
    await engine.register(hourly(paused_on_creation=True))
    run = await engine.create("d")
    await engine.finish("a")
    assert (await engine.run_row(run))["state"] == "success"
    assert await starts(engine) == []


@pytest.mark.parametrize(
    ("asked", "default", "paused"), [(None, True, True), (None, False, False), (False, True, False)]
)
async def test_whether_a_new_dag_is_paused(
    engine: HandEngine, asked: bool | None, default: bool, paused: bool
) -> None:
    await engine.register(hourly(paused_on_creation=asked), paused=default)
    row = await engine.store.read(lambda tx: dags.find(tx, "d"))
    assert row is not None
    assert row.is_paused is paused


async def test_parsing_again_changes_neither_the_pause_nor_the_plan(engine: HandEngine) -> None:
    await engine.register(hourly())
    await engine.settle()
    await pause_dag(engine.store, "d", True, by="ada")
    planned = await next_run_at(engine)
    engine.clock.advance(60)
    await engine.register(hourly())
    assert await next_run_at(engine) == planned
    row = await engine.store.read(lambda tx: dags.find(tx, "d"))
    assert row is not None
    assert row.is_paused


async def test_a_changed_schedule_counts_from_the_last_run(engine: HandEngine) -> None:
    await engine.register(hourly())
    await engine.settle()
    await engine.register(dag_spec("d", schedule="*/15 * * * *"))
    await engine.skip_to_next()
    assert (await starts(engine))[-1] == "02 12:00"
    assert await next_run_at(engine) == engine.clock.now() + HOUR / 4


async def test_a_schedule_that_was_taken_away(engine: HandEngine) -> None:
    await engine.register(hourly())
    await engine.settle()
    await engine.register(dag_spec("d"))
    assert await engine.settle() is None


async def test_a_dag_whose_file_is_gone_gets_no_runs_and_goes_on_when_it_is_back(engine: HandEngine) -> None:
    await engine.register(hourly())
    await engine.settle()
    await forget_file(engine.store, hourly().file)
    engine.clock.advance(5 * 3600)
    assert await engine.settle() is None
    await engine.register(hourly())
    await engine.settle()
    assert await starts(engine) == ["02 11:00", "02 16:00"]


async def test_once_is_once_whatever_is_parsed_later(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", schedule="@once"))
    await engine.settle()
    await engine.register(dag_spec("d", {"a": [], "b": []}, schedule="@once"))
    await engine.lose_engine()
    engine.clock.advance(86_400)
    await engine.settle()
    assert len(await engine.run_states()) == 1


async def test_no_run_after_the_end_date(engine: HandEngine) -> None:
    await engine.register(hourly(end_date=datetime(2026, 3, 2, 13, tzinfo=UTC)))
    for _ in range(2):
        await engine.skip_to_next()
    assert await engine.settle() is None
    assert await starts(engine) == ["02 11:00", "02 12:00", "02 13:00"]


async def test_a_run_id_that_a_person_took_is_passed_over(engine: HandEngine) -> None:
    await engine.register(hourly(paused_on_creation=True))
    await engine.create("d", run_id="scheduled__2026-03-02T11:00:00+00:00")
    await pause_dag(engine.store, "d", False, by="ada")
    assert await engine.settle() == datetime(2026, 3, 2, 13, tzinfo=UTC)
    assert len(await engine.run_states()) == 1


async def test_max_active_runs_bounds_a_catchup(engine: HandEngine) -> None:
    start = datetime(2026, 3, 2, 2, tzinfo=UTC)
    await engine.register(dag_spec("d", schedule="@hourly", start_date=start, catchup=True, max_active_runs=3))
    for done in range(10):
        await engine.settle()
        states = list((await engine.run_states()).values())
        assert states.count("running") == min(3, 10 - done)
        await engine.start()
        oldest = min(engine.executor.started.values(), key=lambda task: task.run.run_id)
        assert oldest.run.run_id == f"scheduled__2026-03-02T{2 + done:02}:00:00+00:00"
        await engine.end(oldest)
    await engine.settle()
    assert set((await engine.run_states()).values()) == {"success"}


async def test_a_scheduled_run_knows_its_interval(engine: HandEngine) -> None:
    await engine.register(hourly())
    run = (await engine.start())["a"].run
    assert (run.run_type, run.logical_date, run.data_interval_start, run.data_interval_end) == (
        "scheduled",
        "2026-03-02T11:00:00+00:00",
        "2026-03-02T11:00:00+00:00",
        "2026-03-02T12:00:00+00:00",
    )


async def test_continuous_runs_follow_each_other(engine: HandEngine) -> None:
    start = datetime(2026, 3, 2, 11, tzinfo=UTC)
    await engine.register(dag_spec("d", schedule="@continuous", start_date=start, max_active_runs=1))
    await engine.settle()
    assert await starts(engine) == ["02 11:00"]
    engine.clock.advance(600)
    assert await engine.settle() is None, "the next one waits for the end of this one"
    await engine.finish("a")
    await engine.settle()
    assert await starts(engine) == ["02 11:00", "02 12:00"]


async def test_continuous_runs_without_a_start_date(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", schedule="@continuous", max_active_runs=1))
    for done in range(3):
        await engine.skip_to_next() if done else await engine.settle()
        assert len(await engine.run_states()) == done + 1
        await engine.finish("a")
    assert await engine.settle() is not None


async def test_a_continuous_dag_goes_on_after_a_run_by_hand_and_a_failure(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", schedule="@continuous", max_active_runs=1), paused=True)
    run = await engine.create("d")
    await pause_dag(engine.store, "d", False, by="ada")
    await engine.settle()
    assert await starts(engine) == []
    await mark_run(engine.store, "d", run.run_id, RunState.FAILED, by="ada")
    await engine.settle()
    assert await starts(engine) == ["02 12:00"]


async def test_a_continuous_dag_without_tasks_has_nothing_to_go_on_with(engine: HandEngine) -> None:
    await engine.register(msgspec.structs.replace(dag_spec("d", schedule="@continuous"), tasks=()))
    assert await engine.settle() is None
    assert await starts(engine) == []


async def test_a_run_at_each_tick_is_named_by_it(engine: HandEngine) -> None:
    ticks = ScheduleSpec(kind="cron", expressions=("0 * * * *",), intervals=False)
    await engine.register(dag_spec("d", schedule=ticks))
    for _ in range(2):
        await engine.skip_to_next()
    names = list(await engine.run_states())
    assert names == [f"scheduled__2026-03-02T{hour}:00:00+00:00" for hour in (12, 13, 14)]


async def test_ticks_whose_intervals_begin_together_are_runs_of_their_own(engine: HandEngine) -> None:
    daily = ScheduleSpec(kind="cron", expressions=("0 0 * * *",), intervals=False, interval=SpanSpec(months=1))
    start = datetime(2026, 3, 28, tzinfo=UTC)
    await engine.register(dag_spec("d", schedule=daily, start_date=start, catchup=True))
    engine.clock.move_to(datetime(2026, 3, 31, 12, tzinfo=UTC))
    await engine.settle()
    # A month before the 29th, 30th and 31st of March is the 28th of February.
    assert await starts(engine) == ["28 00:00"] * 4


async def test_an_event_that_came_while_no_engine_ran_gets_its_run(engine: HandEngine) -> None:
    events = ScheduleSpec(kind="events", events=("2026-03-02T10:00:00+00:00", "2026-03-02T13:00:00+00:00"))
    await engine.register(dag_spec("d", schedule=events))
    await engine.settle()
    assert await starts(engine) == []
    await engine.lose_engine()
    engine.clock.advance(2 * 3600)
    assert await engine.settle() is None
    assert await starts(engine) == ["02 13:00"]


async def test_a_run_by_hand_is_about_the_last_interval(engine: HandEngine) -> None:
    await engine.register(hourly(), paused=True)
    engine.clock.advance(90)
    run = await engine.create("d")
    assert run.logical_date == engine.clock.now()
    assert (run.data_interval_start, run.data_interval_end) == (
        datetime(2026, 3, 2, 11, tzinfo=UTC),
        datetime(2026, 3, 2, 12, tzinfo=UTC),
    )
