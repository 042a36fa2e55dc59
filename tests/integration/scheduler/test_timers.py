"""Timers, retries and looks come due in order, and only then."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bide.engine.scheduler.duties.fire_timers import FireTimers
from bide.engine.scheduler.scope import Scope
from bide.engine.task_log import TaskLog
from bide.store import Tx
from bide.store.schema import wait
from bide.wire.messages import Outcome, Reschedule
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, timer

pytestmark = pytest.mark.usefixtures("no_blocking")


async def wait_all(engine: HandEngine, seconds: dict[str, float]) -> None:
    """Let each task wait for a timer."""
    tasks = await engine.start()
    for task_id, after in seconds.items():
        due = engine.clock.now() + timedelta(seconds=after)
        await engine.ask(tasks[task_id], deferral(timer(due)))
    engine.executor.started.clear()


async def test_timers_fire_at_their_moments_and_in_their_order(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": [], "c": []}))
    begun = engine.clock.now()
    await wait_all(engine, {"a": 30, "b": 10, "c": 20})
    order: list[tuple[str, float]] = []
    for _ in range(3):
        await engine.skip_to_next()
        (task_id,) = await engine.start()
        order.append((task_id, (engine.clock.now() - begun).total_seconds()))
    assert order == [("b", 10), ("c", 20), ("a", 30)]


async def test_many_timers_of_one_moment(engine: HandEngine) -> None:
    names = [f"t{number}" for number in range(600)]
    await engine.run_of(dag_spec("d", {name: [] for name in names}, max_active_tasks=2_000))
    engine.heed_pools = False
    engine.executor.slots = 2_000
    later = timer(engine.clock.now() + timedelta(seconds=60))
    await engine.leave_all((await engine.start()).values(), deferral(later))
    engine.clock.advance(60)
    await engine.settle()
    assert set((await engine.states()).values()) == {"queued"}
    assert await engine.waits() == []


async def test_a_timer_in_the_past_fires_at_once(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await wait_all(engine, {"a": -3600})
    assert set(await engine.start()) == {"a"}


async def test_one_timer_that_can_not_be_read_fails_its_task_alone(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    await wait_all(engine, {"a": 1, "b": 2})
    broken = await engine.instance("a")

    def damage(tx: Tx) -> None:
        tx.conn.execute(wait.update().where(wait.c.instance_uid == broken["uid"]).values(outcome=b"\xc1"))

    await engine.store.write(damage)
    engine.clock.advance(5)
    await engine.start()
    assert await engine.states() == {"a": "failed", "b": "running"}
    assert "the outcome of timer waiting.Timer can't be read" in (await engine.instance("a"))["error"]


async def test_the_duty_says_when_the_next_is_due(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    duty = FireTimers(engine.store, Scope(), TaskLog(engine.store, engine.logs))
    assert await duty.run() == (False, None)
    await wait_all(engine, {"a": 5, "b": 60})
    assert await duty.run() == (False, engine.clock.now() + timedelta(seconds=5))
    engine.clock.advance(5)
    assert await duty.run() == (False, engine.clock.now() + timedelta(seconds=55))


async def test_a_timer_of_a_task_that_moved_on_is_dropped(engine: HandEngine) -> None:
    """Late rows must neither resume anything nor be looked at for ever."""
    await engine.run_of(dag_spec("d"))
    await wait_all(engine, {"a": 10})
    row = await engine.instance("a")

    def move_on(tx: Tx) -> None:
        tx.conn.execute(sa.text("UPDATE task_instance SET epoch = epoch + 1 WHERE uid = :uid"), {"uid": row["uid"]})

    await engine.store.write(move_on)
    engine.clock.advance(10)
    await engine.settle()
    assert await engine.waits() == []
    assert await engine.states() == {"a": "deferred"}


async def test_a_look_comes_at_its_moment_in_the_same_try(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"retries": 1}))
    await engine.report("a", Reschedule(engine.clock.now().timestamp() + 5))
    engine.clock.advance(4.999)
    assert await engine.start() == {}
    engine.clock.advance(0.002)
    task = (await engine.start())["a"]
    assert (task.try_number, task.resume) == (1, None)
    assert await engine.history("a") == [
        *("scheduled", "queued", "running", "up_for_reschedule"),
        *("scheduled", "queued", "running"),
    ]


async def test_a_due_retry_waits_for_nothing_but_its_slot(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}, each={"retries": 2, "retry_delay": 0.0}))
    await engine.finish("a", "failed")
    assert engine.started("a").try_number == 2
    await engine.finish("a", "failed")
    assert engine.started("a").try_number == 3
    await engine.finish("a")
    assert await engine.states() == {"a": "success", "b": "running"}


async def test_a_failed_outcome_pushes_its_xcoms_all_the_same(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    outcome = Outcome("failed", b"null", xcoms={"why": b'"late"'})
    await engine.defer("a", timer(engine.clock.now(), outcome), method=None)
    rows = await engine.store.read(lambda tx: tx.conn.exec_driver_sql("SELECT key, value FROM xcom").all())
    assert [tuple(row) for row in rows] == [("why", b'"late"')]
