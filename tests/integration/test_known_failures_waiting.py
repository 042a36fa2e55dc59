"""How deferral goes wrong elsewhere, on a real store: late exits, slots, the history that piles up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from benchmarks.suite.filling import fill

from bide.control.accept_event import accept_outcome
from bide.control.claim_waits import claim_waits
from bide.store.schema import task_instance
from bide.wire.messages import Finish, Outcome
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, event, poll
from tests.support.stores import ON_SQLITE


async def fire(engine: HandEngine, outcome: Outcome | None = None) -> None:
    """End the one wait there is as its trigger would."""
    (row,) = await engine.waits()
    assert await accept_outcome(engine.store, row["uid"], row["token"], outcome or event())


@pytest.mark.usefixtures("no_blocking")
async def test_k09_a_resume_comes_before_new_work_of_any_weight(engine: HandEngine) -> None:
    """K09: what goes on after its wait gets the next free slot, whatever else is in line."""
    engine.executor.slots = 2
    await engine.run_of(dag_spec("waiting", {"a": []}, each={"priority_weight": 1}))
    await engine.defer("a")
    wide = {f"t{number}": [] for number in range(100)}
    await engine.run_of(dag_spec("flood", wide, each={"priority_weight": 1000}, max_active_tasks=1000))
    busy = list((await engine.start()).values())
    assert len(busy) == 2, "all slots are taken"
    await fire(engine)
    assert await engine.start() == {}
    await engine.end(busy[0])
    assert list(await engine.start()) == ["a"]


@pytest.mark.usefixtures("no_blocking")
@pytest.mark.parametrize("kind", ["success", "failed", "skipped"])
async def test_k09_a_wait_that_ends_its_task_needs_no_slot(engine: HandEngine, kind: Any) -> None:
    """K09: where no worker is free, such a task ends all the same, and what comes behind it is in line."""
    engine.executor.slots = 1
    run = await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}, each={"trigger_rule": "all_done"}))
    await engine.report("a", deferral(method=None))
    await engine.run_of(dag_spec("busy", {"c": []}))
    await engine.start()
    assert engine.executor.free_slots() == 0
    await fire(engine, Outcome(kind, b"null"))
    await engine.settle()
    assert await engine.states(run) == {"a": kind, "b": "scheduled"}
    assert await engine.history("a") == ["scheduled", "queued", "running", "deferred", kind]


@pytest.mark.usefixtures("no_blocking")
async def test_k10_a_resume_finds_its_slot_where_it_left_it(engine: HandEngine) -> None:
    """K10: with one place for the DAG's tasks, deferring gives it up, and resuming waits for it."""
    run = await engine.run_of(dag_spec("d", {"a": [], "b": [], "c": []}, max_active_tasks=1))
    most = 0
    for _ in range(30):
        await engine.settle()
        for row in await engine.waits():
            await accept_outcome(engine.store, row["uid"], row["token"], event())
        started = await engine.start()
        most = max(most, len(engine.executor.started))
        assert len(engine.executor.started) <= 1
        for task in started.values():
            body = Finish("success") if task.resume is not None else deferral()
            await engine.leave_all([task], body)
    assert most == 1
    assert set((await engine.states(run)).values()) == {"success"}


class Steps:
    """Counts what SQLite does, in hundreds of instructions of its machine, on all connections."""

    def __init__(self) -> None:
        self.hundreds = 0

    def attach(self, connection: sqlite3.Connection, record: Any) -> None:
        connection.set_progress_handler(self._count, 100)

    def _count(self) -> int:
        self.hundreds += 1
        return 0


@pytest.fixture
def steps() -> Iterator[Steps]:
    """To be asked for before the engine."""
    counted = Steps()
    sa.event.listen(sa.Engine, "connect", counted.attach)
    yield counted
    sa.event.remove(sa.Engine, "connect", counted.attach)


async def trips(engine: HandEngine, steps: Steps, count: int) -> float:
    """The cost of a run whose task waits, from its making to its end, in hundreds of instructions."""
    before = steps.hundreds
    for _ in range(count):
        run = await engine.create("trip")
        await engine.defer("a", poll())
        (load,) = await claim_waits(engine.store, engine.session, 10, logs=engine.logs)
        assert await accept_outcome(engine.store, load.wait_id, load.token, event())
        await engine.finish("a")
        assert await engine.states(run) == {"a": "success"}
    return (steps.hundreds - before) / count


@ON_SQLITE
async def test_k23_a_wait_costs_the_same_with_much_behind_it(
    steps: Steps, engine: HandEngine, store_path: Path
) -> None:
    """K23: twenty thousand finished instances, and their history, are never looked at."""
    wide = {f"t{number}": [] for number in range(200)}
    model = await engine.run_of(dag_spec("history", wide, max_active_tasks=1000), run_id="model")
    engine.heed_pools = False
    engine.executor.slots = 1000
    for task in (await engine.start()).values():
        await engine.end(task)
    await engine.settle()
    assert (await engine.run_row(model))["state"] == "success"
    await engine.register(dag_spec("trip"))
    await trips(engine, steps, 2)
    before = await trips(engine, steps, 10)
    fill(store_path, "model", copies=100)
    count = sa.select(sa.func.count()).select_from(task_instance)
    assert await engine.store.read(lambda tx: tx.conn.execute(count).scalar_one()) > 20_000
    after = await trips(engine, steps, 10)
    assert after < before * 1.3, f"{before:.0f} hundred instructions before, {after:.0f} with history"
