"""What is over its time is ended, wherever it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bide.control.accept_event import accept_outcome
from bide.control.clear_tasks import clear_tasks
from bide.control.lose_task import rescue_lost
from bide.engine.scheduler.duties.enforce_deadlines import GRACE, EnforceDeadlines
from bide.engine.scheduler.scope import Scope
from bide.engine.task_log import TaskLog
from bide.model.selection import RunChoice, TaskChoice
from bide.store.schema import cancel_obligation
from bide.wire.messages import Finish, Refused, Reschedule
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, event, poll, timer

pytestmark = pytest.mark.usefixtures("no_blocking")


async def obligations(engine: HandEngine) -> int:
    query = sa.select(sa.func.count()).select_from(cancel_obligation)
    return await engine.store.read(lambda tx: tx.conn.execute(query).scalar_one())


def log_of(engine: HandEngine) -> str:
    (path,) = Path(engine.logs.root).rglob("*.log")
    return path.read_text()


async def test_a_deferral_over_its_timeout_fails_and_cancels_its_work(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.defer("a", poll(has_on_kill=True), timeout=2.0)
    due = await engine.settle()
    assert due == engine.clock.now() + timedelta(seconds=2)
    engine.clock.advance(1.999)
    await engine.settle()
    assert await engine.states() == {"a": "deferred"}
    engine.clock.advance(0.001)
    await engine.settle()
    row = await engine.instance("a")
    assert row["state"] == "failed"
    assert row["error"] == "the deferral's timeout of 2 s is over, waiting for something"
    assert row["error"] in log_of(engine)
    assert await engine.waits() == []
    assert await obligations(engine) == 1


async def test_a_timer_over_its_timeout_tells_the_moment(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    late = timer(engine.clock.now() + timedelta(days=1), subject="until tomorrow")
    await engine.defer("a", late, timeout=2.0)
    engine.clock.advance(2)
    await engine.settle()
    assert (await engine.instance("a"))["error"] == "the deferral's timeout of 2 s is over, waiting until tomorrow"


async def test_a_deferral_over_its_timeout_uses_the_retries(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"retries": 1, "retry_delay": 60.0}))
    await engine.defer("a", timeout=2.0)
    await engine.skip_to_next()
    assert await engine.history("a") == ["scheduled", "queued", "running", "deferred", "up_for_retry"]
    await engine.skip_to_next()
    assert (await engine.start())["a"].try_number == 2


async def test_a_sensor_over_its_timeout_is_not_tried_again(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"retries": 3, "is_sensor": True}))
    await engine.defer("a", timeout=2.0)
    await engine.skip_to_next()
    assert await engine.states() == {"a": "failed"}


async def test_a_soft_failing_wait_over_its_timeout_skips_its_task(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}, tasks={"a": {"soft_fail": True, "is_sensor": True}}))
    await engine.defer("a", timeout=2.0)
    await engine.skip_to_next()
    assert await engine.states() == {"a": "skipped", "b": "skipped"}


async def test_no_timeout_means_never(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.defer("a")
    engine.clock.advance(365 * 86_400)
    await engine.settle()
    assert await engine.states() == {"a": "deferred"}


@pytest.mark.parametrize("seconds", [1e12, timedelta.max.total_seconds()])
async def test_spans_beyond_the_calendar_mean_never(engine: HandEngine, seconds: float) -> None:
    """As people write it: timeout=timedelta.max. It must not fail the others that start or defer with it."""
    every = {"execution_timeout": seconds, "retries": 1, "retry_delay": seconds}
    await engine.run_of(dag_spec("d", {"a": [], "b": [], "c": [], "d": []}, each=every))
    await engine.defer("a", timeout=seconds)
    await engine.finish("b", "failed")
    await engine.report("c", Reschedule(seconds))
    assert await engine.states() == {
        "a": "deferred",
        "b": "up_for_retry",
        "c": "up_for_reschedule",
        "d": "running",
    }


async def test_the_try_ends_while_it_is_deferred(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"execution_timeout": 3.0}))
    await engine.start()
    engine.clock.advance(1)
    await engine.defer("a", poll(has_on_kill=True), timeout=60.0)
    await engine.skip_to_next()
    row = await engine.instance("a")
    assert row["state"] == "failed"
    assert row["error"] == "the task's execution_timeout of 3 s is over; it was deferred then"
    assert row["duration"] == 3.0
    assert await engine.waits() == []
    assert await obligations(engine) == 1


async def test_k06_the_limit_of_a_try_counts_from_its_first_start_over_all_its_waits(engine: HandEngine) -> None:
    """K06: one absolute deadline, which no deferral sets anew."""
    await engine.run_of(dag_spec("d", each={"execution_timeout": 10.0}))
    limit = (await engine.start())["a"].deadline
    for _ in range(3):
        engine.clock.advance(1)
        await engine.defer("a", timer(engine.clock.now() + timedelta(seconds=2)))
        engine.clock.advance(2)
        await engine.start()
        assert engine.started("a").deadline == limit
    engine.clock.advance(1 + GRACE.total_seconds())
    await engine.settle()
    assert await engine.states() == {"a": "failed"}


WORK = {"execution_timeout": 3.0, "execution_timeout_counts": "work"}


async def test_the_limit_may_count_work_only(engine: HandEngine) -> None:
    """L004, opt-in: what the try waits while it is deferred, and for a worker, does not count."""
    await engine.run_of(dag_spec("d", each={**WORK, "retries": 1, "retry_delay": 0.0}))
    await engine.start()
    for left in (2.0, 1.0):
        engine.clock.advance(1)
        await engine.defer("a", timer(engine.clock.now() + timedelta(hours=1)))
        assert (await engine.instance("a"))["deadline"] is None
        engine.clock.advance(3600)
        await engine.settle()
        engine.clock.advance(60)
        task = (await engine.start())["a"]
        assert task.deadline == (engine.clock.now() + timedelta(seconds=left)).timestamp()
        assert task.execution_timeout == 3.0
    engine.clock.advance(1 + GRACE.total_seconds())
    await engine.settle()
    engine.executor.started.clear()
    again = (await engine.start())["a"]
    assert again.try_number == 2
    assert again.deadline == (engine.clock.now() + timedelta(seconds=3)).timestamp(), "all of it for a new try"


async def test_work_that_is_begun_again_after_a_wait_has_what_was_left_at_the_wait(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=WORK))
    await engine.start()
    engine.clock.advance(1)
    await engine.defer("a", timer(engine.clock.now() + timedelta(hours=1)))
    engine.clock.advance(3600)
    await engine.start()
    engine.clock.advance(1)
    await engine.lose_engine()
    await rescue_lost(engine.store, engine.session)
    engine.clock.advance(600)
    task = (await engine.start())["a"]
    assert task.deadline == (engine.clock.now() + timedelta(seconds=2)).timestamp()


async def test_a_task_that_starts_from_its_trigger_has_no_limit_before_it_works(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={**WORK, "starts_from_trigger": True}))
    await engine.settle()
    row = await engine.instance("a")
    assert (row["state"], row["deadline"]) == ("deferred", None)


async def test_a_cleared_task_has_all_of_its_time(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", each=WORK))
    await engine.start()
    engine.clock.advance(2)
    await engine.defer("a")
    await clear_tasks(
        engine.store,
        "d",
        which_runs=RunChoice(run_ids=frozenset({run.run_id})),
        which_tasks=TaskChoice(task_ids=frozenset({"a"})),
        by="ada",
    )
    task = (await engine.start())["a"]
    assert task.deadline == (engine.clock.now() + timedelta(seconds=3)).timestamp()


async def test_a_worker_has_a_moment_to_end_its_task_itself(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"execution_timeout": 3.0}))
    task = (await engine.start())["a"]
    engine.clock.advance(3)
    due = await engine.settle()
    assert due == engine.clock.now() + GRACE
    assert await engine.states() == {"a": "running"}
    await engine.ask(task, Finish("failed", error="AirflowTaskTimeout"))
    assert (await engine.instance("a"))["error"] == "AirflowTaskTimeout"


async def test_a_worker_that_does_not_is_fenced_and_stopped(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"execution_timeout": 3.0}))
    task = (await engine.start())["a"]
    engine.clock.advance(3 + GRACE.total_seconds())
    await engine.settle()
    row = await engine.instance("a")
    assert (row["state"], row["epoch"]) == ("failed", task.epoch + 1)
    assert engine.executor.cancelled == [(task.instance.id, task.epoch)]
    assert await engine.ask(task, Finish("success")) == Refused(
        f"the instance has moved on from epoch {task.epoch}; it is failed now", fenced=True
    )
    assert (await engine.instance("a"))["state"] == "failed"


async def test_one_that_may_still_end_itself_holds_up_no_other(engine: HandEngine) -> None:
    tasks = {"a": {"execution_timeout": 3.0}}
    await engine.run_of(dag_spec("d", {"a": [], "b": []}, tasks=tasks))
    await engine.start()
    await engine.defer("b", timeout=3.0)
    engine.clock.advance(3)
    await engine.settle()
    assert await engine.states() == {"a": "running", "b": "failed"}


async def test_a_resume_that_waits_for_a_slot_is_over_time_too(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"execution_timeout": 5.0}))
    await engine.report("a", deferral(poll()))
    engine.executor.slots = 0
    (row,) = await engine.waits()
    assert await accept_outcome(engine.store, row["uid"], row["token"], event())
    await engine.settle()
    assert await engine.states() == {"a": "scheduled"}
    engine.clock.advance(5)
    await engine.settle()
    found = await engine.instance("a")
    assert (found["state"], found["is_resume"]) == ("failed", False)


async def test_a_queued_resume_that_is_over_time_loses_its_start(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"execution_timeout": 5.0}))
    await engine.start()
    await engine.ask(engine.started("a"), deferral(timer(engine.clock.now())))
    engine.executor.started.clear()
    await engine.settle()
    assert await engine.states() == {"a": "queued"}
    engine.clock.advance(5)
    await engine.settle()
    assert await engine.start() == {}
    assert await engine.states() == {"a": "failed"}


async def test_execution_timeout_is_for_each_look_of_a_rescheduled_sensor(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"execution_timeout": 60.0, "is_sensor": True}))
    for _ in range(5):
        before = (await engine.start())["a"]
        assert before.deadline == engine.clock.now().timestamp() + 60
        await engine.report("a", Reschedule(engine.clock.now().timestamp() + 300))
        assert await engine.states() == {"a": "up_for_reschedule"}
        await engine.skip_to_next()
    task = (await engine.start())["a"]
    assert engine.clock.now().timestamp() - task.started_at == 1_500, "the sensor's own timeout counts from here"


async def test_more_than_a_batch_is_over_time_at_once(engine: HandEngine) -> None:
    upstream = {f"t{number}": [] for number in range(450)}
    await engine.run_of(dag_spec("d", upstream, max_active_tasks=1_000))
    engine.heed_pools = False
    engine.executor.slots = 1_000
    await engine.leave_all((await engine.start()).values(), deferral(poll(), timeout=5.0))
    engine.clock.advance(5)
    await engine.settle()
    assert set((await engine.states()).values()) == {"failed"}


async def test_a_round_costs_one_read_while_nothing_is_over_time(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.defer("a", timeout=60.0)
    written: list[str] = []
    sa.event.listen(engine.store.engine, "commit", lambda _conn: written.append("commit"))
    duty = EnforceDeadlines(engine.store, Scope(), TaskLog(engine.store, engine.logs))
    assert (await duty.run()).due_at == engine.clock.now() + timedelta(seconds=60)
    assert written == []
