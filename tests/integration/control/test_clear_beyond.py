"""Clearing goes on to other DAGs where markers say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bide.control.clear_tasks import clear_tasks
from bide.model.dag_spec import DagSpec, MarkerSpec
from bide.model.errors import Conflict, InvalidArgument, NotFound
from bide.model.selection import RunChoice, TaskChoice
from bide.model.values import encode
from bide.wire.messages import PushXCom
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def dag(name: str, marks: MarkerSpec | None) -> DagSpec:
    """``work``, then a marker."""
    return dag_spec(name, {"work": [], "mark": ["work"]}, tasks={"mark": {"marker": marks}})


async def ended(engine: HandEngine, *specs: DagSpec, day: datetime = DAY) -> None:
    """A run of each DAG, that has ended well."""
    for spec in specs:
        await engine.run_of(spec, logical_date=day)
        await engine.finish("work")
        await engine.finish("mark")


async def cleared(engine: HandEngine, dag_id: str, *, downstream: bool = True, dry_run: bool = False) -> set[str]:
    plan = await clear_tasks(
        engine.store,
        dag_id,
        which_runs=RunChoice(start=DAY, end=DAY),
        which_tasks=TaskChoice(task_ids=frozenset({"work"}), downstream=downstream),
        dry_run=dry_run,
        by="ada",
    )
    rows = {one.found.uid for one in plan.changes}
    from bide.store import instances

    found = await engine.store.read(lambda tx: instances.get_many(tx, rows))
    return {f"{one.dag_id}.{one.task_id}" for one in found.values()}


async def test_what_a_marker_names_is_cleared_with_all_after_it(engine: HandEngine) -> None:
    await ended(engine, dag("a", MarkerSpec("b", "work")), dag("b", MarkerSpec("c", "mark")), dag("c", None))
    everything = {"a.work", "a.mark", "b.work", "b.mark", "c.mark"}
    assert await cleared(engine, "a", dry_run=True) == everything
    assert set((await engine.run_states()).values()) == {"success"}
    assert await cleared(engine, "a") == everything
    assert set((await engine.run_states()).values()) == {"queued"}


async def test_without_downstream_nothing_else_is_cleared(engine: HandEngine) -> None:
    await ended(engine, dag("a", MarkerSpec("b", "work")), dag("b", None))
    assert await cleared(engine, "a", downstream=False) == {"a.work"}


async def test_a_date_of_its_own_is_that_of_the_other_run(engine: HandEngine) -> None:
    later = DAY + timedelta(days=1)
    await ended(engine, dag("b", None), day=later)
    await ended(engine, dag("a", MarkerSpec("b", "work", later.isoformat())), dag("b", None))
    assert await cleared(engine, "a") == {"a.work", "a.mark", "b.work", "b.mark"}
    states = await engine.run_states()
    assert [state for run_id, state in states.items() if "03-02" in run_id] == ["queued"]


async def test_templates_are_what_they_came_to_when_the_marker_ran(engine: HandEngine) -> None:
    await ended(engine, dag("b", None))
    await engine.run_of(dag("a", MarkerSpec("{{ x }}", "{{ y }}", "{{ z }}")), logical_date=DAY)
    await engine.finish("work")
    await engine.start()
    told = encode(["b", "mark", DAY.isoformat()], what="XCom")
    await engine.ask(engine.started("mark"), PushXCom("external_task", told))
    await engine.finish("mark")
    assert await cleared(engine, "a") == {"a.work", "a.mark", "b.mark"}


async def test_a_template_of_a_marker_that_never_ran_is_told(engine: HandEngine) -> None:
    await ended(engine, dag("a", MarkerSpec("b", "work", "{{ z }}")), dag("b", None))
    with pytest.raises(InvalidArgument, match=r"marker a\.mark: the logical date .* can't be told"):
        await cleared(engine, "a")


async def test_markers_that_follow_each_other_too_far_are_told(engine: HandEngine) -> None:
    specs = [dag(name, MarkerSpec(after, "work", recursion_depth=2)) for name, after in ("ab", "bc", "cd")]
    await ended(engine, *specs, dag("d", None))
    with pytest.raises(Conflict, match=r"marker c\.mark: more markers follow each other"):
        await cleared(engine, "a")


async def test_a_circle_ends_where_it_began(engine: HandEngine) -> None:
    await ended(engine, dag("a", MarkerSpec("b", "work")), dag("b", MarkerSpec("a", "work")))
    assert await cleared(engine, "a") == {"a.work", "a.mark", "b.work", "b.mark"}


async def test_a_dag_that_is_not_there_is_told(engine: HandEngine) -> None:
    await ended(engine, dag("a", MarkerSpec("b", "work")))
    with pytest.raises(NotFound, match="there is no DAG 'b'"):
        await cleared(engine, "a")
