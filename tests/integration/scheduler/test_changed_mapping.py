"""Runs that move to a version of their DAG in which a task is mapped no more, or is now."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from bide.control.clear_tasks import clear_tasks
from bide.model.dag_spec import DagSpec
from bide.model.map_spec import MapSpec, Source
from bide.model.selection import RunChoice, TaskChoice
from bide.store.runs import RunRow
from bide.store.schema import expansion, task_instance
from bide.wire.messages import RunTask
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

_ti = task_instance.c


def plain() -> DagSpec:
    return dag_spec("d", {"m": [], "z": ["m"]})


def mapped(length: int = 3) -> DagSpec:
    mapping = MapSpec((("x", Source("literal", length=length)),))
    return dag_spec("d", {"m": [], "z": ["m"]}, tasks={"m": {"mapping": mapping}})


async def of(engine: HandEngine, run: RunRow, task_id: str) -> dict[int, str]:
    query = sa.select(_ti.map_index, _ti.state).where(_ti.run_uid == run.uid, _ti.task_id == task_id)
    rows = await engine.store.read(lambda tx: tx.conn.execute(query.order_by(_ti.map_index)).all())
    return {one.map_index: one.state for one in rows}


def started(engine: HandEngine, task_id: str) -> list[RunTask]:
    found = [task for task in engine.executor.started.values() if task.instance.task_id == task_id]
    return sorted(found, key=lambda task: task.instance.map_index)


async def end_each(engine: HandEngine, *ends: str) -> None:
    for task, state in zip(started(engine, "m"), ends, strict=True):
        await engine.end(task, state)
    await engine.start()


async def clear(engine: HandEngine, run: RunRow, *task_ids: str, **choice: Any) -> None:
    await clear_tasks(
        engine.store,
        "d",
        which_runs=RunChoice(run_ids=frozenset({run.run_id})),
        which_tasks=TaskChoice(task_ids=frozenset(task_ids) or None, **choice),
        latest=True,
        by="ada",
    )
    await engine.start()


async def ends_well(engine: HandEngine, run: RunRow) -> None:
    await engine.finish("z")
    await engine.settle()
    row = await engine.run_row(run)
    assert (row["state"], row["unfinished"]) == ("success", 0)


async def test_one_instance_stands_for_the_cleared_elements(engine: HandEngine) -> None:
    run = await engine.run_of(mapped())
    await engine.start()
    await end_each(engine, "success", "failed", "success")
    await engine.register(plain())
    await clear(engine, run)
    assert await of(engine, run, "m") == {-1: "running", 0: "removed", 1: "removed", 2: "removed"}
    assert await engine.store.read(lambda tx: tx.conn.execute(sa.select(expansion)).all()) == []
    await end_each(engine, "success")
    await ends_well(engine, run)


async def test_what_has_succeeded_and_was_not_cleared_stays(engine: HandEngine) -> None:
    run = await engine.run_of(mapped())
    await engine.start()
    await end_each(engine, "success", "failed", "success")
    await engine.register(plain())
    await clear(engine, run, only_failed=True)
    assert await of(engine, run, "m") == {-1: "running", 0: "success", 1: "removed", 2: "success"}
    await end_each(engine, "success")
    await ends_well(engine, run)


async def test_elements_under_way_give_way_to_one_instance(engine: HandEngine) -> None:
    """Another task was cleared: what runs for elements would now do the whole work, once for each."""
    spec = dag_spec("d", {"a": [], "m": [], "z": ["m"]}, tasks={"m": {"mapping": mapped().tasks[0].mapping}})
    run = await engine.run_of(spec)
    await engine.start()
    await engine.finish("a", "failed")
    await engine.register(dag_spec("d", {"a": [], "m": [], "z": ["m"]}))
    await clear(engine, run, "a")
    assert await of(engine, run, "m") == {-1: "running", 0: "removed", 1: "removed", 2: "removed"}
    await engine.finish("a")
    await end_each(engine, "success")
    await ends_well(engine, run)


async def test_a_second_clear_does_not_bring_the_elements_back(engine: HandEngine) -> None:
    run = await engine.run_of(mapped())
    await engine.start()
    await end_each(engine, "success", "failed", "success")
    await engine.register(plain())
    await clear(engine, run)
    await end_each(engine, "failed")
    await clear(engine, run)
    assert await of(engine, run, "m") == {-1: "running", 0: "removed", 1: "removed", 2: "removed"}
    await end_each(engine, "success")
    await ends_well(engine, run)


async def test_a_task_that_is_mapped_now_has_elements(engine: HandEngine) -> None:
    run = await engine.run_of(plain())
    await engine.start()
    await end_each(engine, "failed")
    await engine.register(mapped())
    await clear(engine, run)
    assert await of(engine, run, "m") == {0: "running", 1: "running", 2: "running"}
    await end_each(engine, "success", "success", "success")
    await ends_well(engine, run)


async def test_a_plain_task_under_way_begins_anew_as_elements(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "m": [], "z": ["m"]}))
    await engine.start()
    await engine.finish("a", "failed")
    given = {"m": {"mapping": mapped(2).tasks[0].mapping}}
    await engine.register(dag_spec("d", {"a": [], "m": [], "z": ["m"]}, tasks=given))
    await clear(engine, run, "a")
    assert await of(engine, run, "m") == {0: "running", 1: "running"}
    await engine.finish("a")
    await end_each(engine, "success", "success")
    await ends_well(engine, run)


async def test_a_plain_task_that_has_succeeded_stays_and_counts_as_a_whole(engine: HandEngine) -> None:
    run = await engine.run_of(plain())
    await engine.start()
    await end_each(engine, "success")
    await engine.finish("z", "failed")
    await engine.register(mapped())
    await clear(engine, run, "z")
    assert await of(engine, run, "m") == {-1: "success"}
    await ends_well(engine, run)
