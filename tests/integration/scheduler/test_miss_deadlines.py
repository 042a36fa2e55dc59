"""``sla=`` of tasks and deadlines of runs: looked at when due, told of once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bide.control.clear_tasks import clear_tasks
from bide.control.ending_callbacks import claim_callbacks, settle_callbacks
from bide.control.mark_run import mark_run
from bide.control.runner_requests import answer
from bide.model.dag_spec import DagSpec, DeadlineSpec
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import RunState
from bide.store import deadlines
from bide.store.deadlines import DeadlineView
from bide.wire.deadline_messages import SetDeadline
from bide.wire.messages import Frame, Ok, Refused, Reply, RunCallbacks
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

# The clock begins at 12:00.
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = 3600.0


def with_sla(*, callbacks: tuple[str, ...] = ("sla_miss",), **fields: Any) -> DagSpec:
    return dag_spec("d", {"a": [], "b": ["a"]}, tasks={"b": {"sla": HOUR}}, callbacks=callbacks, **fields)


def with_deadline(*alerts: DeadlineSpec, **fields: Any) -> DagSpec:
    return dag_spec("d", deadlines=alerts, **fields)


async def known(engine: HandEngine, **which: Any) -> list[DeadlineView]:
    rows, total = await engine.store.read(lambda tx: deadlines.views(tx, **which))
    assert total == len(rows)
    return rows


async def orders(engine: HandEngine) -> list[RunCallbacks]:
    """What is to be called."""
    return await claim_callbacks(engine.store, engine.session, 100, logs=engine.logs)


def round_down(moment: datetime) -> datetime:
    """Without what the clock goes on by while the test works."""
    return moment.replace(microsecond=0)


# --- sla


async def test_a_task_in_time_leaves_nothing(engine: HandEngine) -> None:
    await engine.run_of(with_sla())
    assert [(row.task_id, row.missed_at) for row in await known(engine)] == [("b", None)]
    await engine.finish("a")
    await engine.finish("b")
    await engine.skip_to_next()
    assert round_down(engine.clock.now()) == NOON + timedelta(hours=1)
    assert await known(engine) == []
    assert await orders(engine) == []


async def test_a_late_task_is_told_of_once(engine: HandEngine) -> None:
    run = await engine.run_of(with_sla())
    await engine.settle()
    await engine.skip_to_next()
    (row,) = await known(engine, missed=True)
    assert (row.run_id, row.task_id, round_down(row.due_at)) == (run.run_id, "b", NOON + timedelta(hours=1))
    assert row.missed_at == engine.clock.now()
    assert row.is_calling
    (order,) = await orders(engine)
    assert order.event == "sla_miss"
    assert [(one.task_id, one.run_id) for one in order.missed] == [("b", run.run_id)]
    assert [(one.task_id, one.state) for one in order.blocking] == [("a", "queued"), ("b", "none")]
    assert order.order.log_path.endswith("/0.log.sla_miss")
    await settle_callbacks(engine.store, order.request_id)
    await engine.finish("a")
    await engine.finish("b")
    assert await engine.settle() is None
    assert await orders(engine) == []
    (row,) = await known(engine)
    assert not row.is_calling


async def test_a_miss_survives_the_engine(engine: HandEngine) -> None:
    await engine.run_of(with_sla())
    await engine.settle()
    await engine.lose_engine()
    engine.clock.advance(2 * HOUR)
    await engine.settle()
    (order,) = await orders(engine)
    assert round_down(datetime.fromisoformat(order.missed[0].due_at)) == NOON + timedelta(hours=1)


async def test_one_call_for_all_that_a_dag_has_missed(engine: HandEngine) -> None:
    spec = with_sla(max_active_runs=9)
    for number in range(3):
        await engine.run_of(spec, run_id=f"r{number}")
    await engine.settle()
    engine.clock.advance(2 * HOUR)
    await engine.settle()
    (order,) = await orders(engine)
    assert [one.run_id for one in order.missed] == ["r0", "r1", "r2"]


async def test_without_a_callback_a_miss_is_only_noted(engine: HandEngine) -> None:
    await engine.run_of(with_sla(callbacks=()))
    await engine.settle()
    await engine.skip_to_next()
    assert await orders(engine) == []
    (row,) = await known(engine, missed=True)
    assert not row.is_calling


@pytest.mark.parametrize(("end", "missed"), [("failed", True), ("skipped", False)])
async def test_only_success_and_skips_are_in_time(engine: HandEngine, end: str, missed: bool) -> None:
    await engine.run_of(with_sla())
    await engine.finish("a", end)
    if end == "skipped":
        await engine.settle()
    await engine.settle()
    await engine.skip_to_next()
    assert bool(await known(engine, missed=True)) is missed


async def test_success_after_the_moment_is_late_although_nobody_looked(engine: HandEngine) -> None:
    await engine.run_of(with_sla())
    await engine.finish("a")
    await engine.start()
    engine.clock.advance(HOUR + 1)
    await engine.finish("b")
    await engine.settle()
    assert len(await known(engine, missed=True)) == 1


async def test_an_sla_counts_from_when_the_run_should_have_begun(engine: HandEngine) -> None:
    start = datetime(2026, 3, 2, 11, tzinfo=UTC)
    await engine.register(with_sla(schedule="@hourly", start_date=start))
    await engine.settle()
    (row,) = await known(engine)
    assert row.due_at == NOON + timedelta(hours=1)


async def test_an_sla_may_count_from_the_logical_date(engine: HandEngine) -> None:
    start = datetime(2026, 3, 2, 11, tzinfo=UTC)
    await engine.register(with_sla(schedule="@hourly", start_date=start, sla_since="logical_date"))
    await engine.settle()
    (row,) = await known(engine)
    assert row.due_at == NOON


# --- deadlines of runs

TWO_HOURS = 2 * HOUR


@pytest.mark.parametrize(
    ("alert", "due_at"),
    [
        (DeadlineSpec("logical_date", HOUR), datetime(2026, 3, 1, 1, tzinfo=UTC)),
        (DeadlineSpec("queued_at", TWO_HOURS), NOON + timedelta(hours=2)),
        (DeadlineSpec("fixed", -HOUR, at="2026-03-02T14:00:00+00:00"), NOON + timedelta(hours=1)),
    ],
)
async def test_what_a_deadline_counts_from(engine: HandEngine, alert: DeadlineSpec, due_at: datetime) -> None:
    await engine.run_of(with_deadline(alert), logical_date=datetime(2026, 3, 1, tzinfo=UTC))
    (row,) = await known(engine)
    assert (row.task_id, row.reference, round_down(row.due_at)) == (None, alert.reference, due_at)


async def test_the_average_of_earlier_runs(engine: HandEngine) -> None:
    spec = with_deadline(DeadlineSpec("average_runtime", 60.0, max_runs=2, min_runs=2))
    for number, seconds in enumerate((1000, 100, 200)):
        await engine.run_of(spec, run_id=f"r{number}")
        await engine.start()
        engine.clock.advance(seconds)
        await engine.finish("a")
        await engine.settle()
        if number < 2:
            assert await known(engine) == []
    made = engine.clock.now()
    await engine.run_of(spec, run_id="last")
    (row,) = [one for one in await known(engine) if one.run_id == "last"]
    assert (row.due_at - made).total_seconds() == pytest.approx(150 + 60, abs=1)


async def test_a_late_run_is_told_of_by_each_of_its_alerts(engine: HandEngine) -> None:
    run = await engine.run_of(
        with_deadline(DeadlineSpec("queued_at", HOUR, name="soon"), DeadlineSpec("queued_at", TWO_HOURS))
    )
    await engine.start()
    await engine.skip_to_next()
    (first,) = await orders(engine)
    assert (first.event, first.missed[0].number, first.missed[0].name) == ("deadline", 0, "soon")
    assert first.blocking == ()
    await settle_callbacks(engine.store, first.request_id)
    await engine.finish("a")
    await engine.skip_to_next()
    assert await orders(engine) == []
    assert [row.name for row in await known(engine, run_id=run.run_id)] == ["soon"]


async def test_a_failed_run_has_not_met_its_deadline(engine: HandEngine) -> None:
    run = await engine.run_of(with_deadline(DeadlineSpec("queued_at", HOUR)))
    await engine.settle()
    await mark_run(engine.store, "d", run.run_id, RunState.FAILED, by="ada")
    await engine.settle()
    await engine.skip_to_next()
    assert len(await known(engine, missed=True)) == 1


# --- again after a clear


async def clear(engine: HandEngine, run_id: str) -> None:
    which = RunChoice(run_ids=frozenset({run_id}))
    await clear_tasks(engine.store, "d", which_runs=which, which_tasks=TaskChoice(), by="ada")


async def test_a_cleared_run_has_its_deadline_anew(engine: HandEngine) -> None:
    run = await engine.run_of(
        with_deadline(
            DeadlineSpec("queued_at", TWO_HOURS, name="from the start"),
            DeadlineSpec("logical_date", 24 * HOUR, name="of the day"),
        ),
        logical_date=NOON,
    )
    await engine.start()
    engine.clock.advance(HOUR)
    await engine.finish("a")
    await engine.settle()
    engine.clock.advance(HOUR / 2)
    await clear(engine, run.run_id)
    rows = [(row.name, round_down(row.due_at)) for row in await known(engine)]
    assert rows == [
        ("of the day", NOON + timedelta(days=1)),
        ("from the start", NOON + timedelta(hours=3, minutes=30)),
    ]
    await engine.settle()
    engine.clock.advance(2 * HOUR)
    await engine.settle()
    assert [order.missed[0].name for order in await orders(engine)] == ["from the start"]


async def test_what_was_missed_before_a_clear_stays_so(engine: HandEngine) -> None:
    run = await engine.run_of(with_deadline(DeadlineSpec("queued_at", HOUR)))
    await engine.start()
    await engine.skip_to_next()
    await engine.finish("a")
    await engine.settle()
    await clear(engine, run.run_id)
    assert [row.missed_at is None for row in await known(engine)] == [True, False]


async def test_a_run_that_goes_on_keeps_its_deadline(engine: HandEngine) -> None:
    run = await engine.run_of(with_deadline(DeadlineSpec("queued_at", HOUR)))
    await engine.start()
    engine.clock.advance(HOUR / 2)
    await clear(engine, run.run_id)
    (row,) = await known(engine)
    assert round_down(row.due_at) == NOON + timedelta(hours=1)


async def test_a_run_that_is_queued_by_hand_has_its_deadline_anew(engine: HandEngine) -> None:
    run = await engine.run_of(with_deadline(DeadlineSpec("queued_at", HOUR)))
    await mark_run(engine.store, "d", run.run_id, RunState.FAILED, by="ada")
    engine.clock.advance(HOUR / 2)
    await mark_run(engine.store, "d", run.run_id, RunState.QUEUED, by="ada")
    (row,) = await known(engine)
    assert round_down(row.due_at) == NOON + timedelta(hours=1, minutes=30)


# --- what only the author's code knows

COMPUTED = (
    DeadlineSpec("custom", HOUR, name="custom", is_computed=True),
    DeadlineSpec("queued_at", 0.0, name="interval", is_computed=True),
)


async def say(engine: HandEngine, order: RunCallbacks, *told: SetDeadline) -> list[Reply]:
    """Answer as a task runner does."""
    key, epoch = order.order.instance, order.order.epoch
    found = [await answer(engine.store, Frame(one, 1, key.id, epoch)) for one in told]
    await settle_callbacks(engine.store, order.request_id)
    return found


async def test_computed_deadlines_are_asked_for_and_set(engine: HandEngine) -> None:
    await engine.run_of(with_deadline(*COMPUTED))
    assert await known(engine) == []
    (order,) = await orders(engine)
    assert (order.event, order.missed) == ("set_deadlines", ())
    base = NOON + timedelta(hours=5)
    assert await say(engine, order, SetDeadline(0, 60.0, base.isoformat()), SetDeadline(1, 90.0)) == [Ok(), Ok()]
    rows = [(row.name, row.reference, round_down(row.due_at)) for row in await known(engine)]
    assert rows == [
        ("custom", "custom", base + timedelta(minutes=1)),
        ("interval", "queued_at", NOON + timedelta(seconds=90)),
    ]


async def test_an_answer_that_is_given_twice_counts_once(engine: HandEngine) -> None:
    await engine.run_of(with_deadline(*COMPUTED))
    (order,) = await orders(engine)
    await say(engine, order, SetDeadline(1, 90.0), SetDeadline(1, 90.0))
    assert len(await known(engine)) == 1


async def test_a_clear_asks_again(engine: HandEngine) -> None:
    run = await engine.run_of(with_deadline(*COMPUTED))
    (order,) = await orders(engine)
    await say(engine, order, SetDeadline(1, TWO_HOURS))
    await engine.finish("a")
    await engine.settle()
    engine.clock.advance(HOUR)
    await clear(engine, run.run_id)
    (order,) = await orders(engine)
    await say(engine, order, SetDeadline(1, TWO_HOURS))
    (row,) = await known(engine)
    assert round_down(row.due_at) == NOON + timedelta(hours=3)


async def test_what_a_task_may_not_set(engine: HandEngine) -> None:
    run = await engine.run_of(with_deadline(*COMPUTED))
    (order,) = await orders(engine)
    (refused,) = await say(engine, order, SetDeadline(2, 1.0))
    assert isinstance(refused, Refused) and "'d' has no deadline number 2" in refused.reason
    (refused,) = await say(engine, order, SetDeadline(1, 1.0))
    assert isinstance(refused, Refused) and refused.fenced
    assert await known(engine, run_id=run.run_id) == []
