"""``depends_on_past`` and ``wait_for_downstream``: tasks that look at the run before theirs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bide.control.mark_tasks import mark_tasks
from bide.control.why_held import reasons_held
from bide.model.dag_spec import DagSpec
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import TaskState
from bide.store import Tx, instances
from bide.store.runs import RunRow
from tests.support.clock import START
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

CHAIN = {"a": [], "b": ["a"]}


def past(upstream: dict[str, list[str]] | None = None, **of: Any) -> DagSpec:
    """A DAG whose task ``a`` depends on its past."""
    fields = {"depends_on_past": True, **of.pop("a", {})}
    return dag_spec("d", upstream or CHAIN, tasks={"a": fields}, **of)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


async def run_of_day(engine: HandEngine, number: int, **fields: Any) -> RunRow:
    return await engine.create("d", logical_date=day(number), run_id=f"day{number}", **fields)


async def end(engine: HandEngine, run: RunRow, task_id: str, state: str = "success") -> None:
    """Start what may start, and end this task."""
    await engine.start()
    (task,) = (
        one
        for one in engine.executor.started.values()
        if (one.instance.run_id, one.instance.task_id) == (run.run_id, task_id)
    )
    await engine.end(task, state)
    await engine.start()


async def test_a_task_waits_for_itself_in_the_run_before(engine: HandEngine) -> None:
    await engine.register(past())
    first, second = await run_of_day(engine, 1), await run_of_day(engine, 2)
    await engine.start()
    assert await engine.states(first) == {"a": "running", "b": "none"}
    assert await engine.states(second) == {"a": "none", "b": "none"}
    await end(engine, first, "a")
    assert await engine.states(second) == {"a": "running", "b": "none"}


@pytest.mark.parametrize(("state", "then"), [("skipped", "running"), ("failed", "none")])
async def test_skipped_is_as_good_as_success(engine: HandEngine, state: str, then: str) -> None:
    await engine.register(past())
    first, second = await run_of_day(engine, 1), await run_of_day(engine, 2)
    await end(engine, first, "a", state)
    assert (await engine.states(second))["a"] == then


async def test_a_failure_that_is_marked_lets_the_next_run_go_on(engine: HandEngine) -> None:
    await engine.register(past())
    first, second = await run_of_day(engine, 1), await run_of_day(engine, 2)
    await end(engine, first, "a", "failed")
    assert (await engine.run_states())["day1"] == "failed"
    await mark_tasks(
        engine.store,
        "d",
        which_runs=RunChoice(run_ids=frozenset({"day1"})),
        which_tasks=TaskChoice(task_ids=frozenset({"a"})),
        state=TaskState.SUCCESS,
        by="test",
    )
    await engine.start()
    assert (await engine.states(second))["a"] == "running"


async def test_a_run_that_starts_later_finds_what_there_is(engine: HandEngine) -> None:
    await engine.register(past())
    first = await run_of_day(engine, 1)
    await end(engine, first, "a")
    second = await run_of_day(engine, 2)
    await engine.start()
    assert (await engine.states(second))["a"] == "running"


@pytest.mark.parametrize("waits", [True, False])
async def test_wait_for_downstream_waits_for_direct_successors(engine: HandEngine, waits: bool) -> None:
    await engine.register(past({"a": [], "b": ["a"], "c": ["b"]}, a={"wait_for_downstream": waits}))
    first, second = await run_of_day(engine, 1), await run_of_day(engine, 2)
    await end(engine, first, "a")
    assert (await engine.states(second))["a"] == ("none" if waits else "running")
    await end(engine, first, "b")
    assert (await engine.states(second))["a"] == "running"
    assert (await engine.states(first))["c"] == "running"


@pytest.mark.parametrize("ignores", [True, False])
async def test_a_task_that_is_new_has_no_past(engine: HandEngine, ignores: bool) -> None:
    await engine.register(dag_spec("d", {"b": []}))
    first = await run_of_day(engine, 1)
    await end(engine, first, "b")
    await engine.register(past(a={"ignore_first_depends_on_past": ignores}))
    second = await run_of_day(engine, 2)
    await engine.start()
    assert (await engine.states(second))["a"] == ("running" if ignores else "none")


async def test_a_task_that_was_gone_for_a_run_is_not_new(engine: HandEngine) -> None:
    await engine.register(past())
    first = await run_of_day(engine, 1)
    await end(engine, first, "a")
    await end(engine, first, "b")
    await engine.register(dag_spec("d", {"b": []}))
    await end(engine, await run_of_day(engine, 2), "b")
    await engine.register(past())
    third = await run_of_day(engine, 3)
    await engine.start()
    assert (await engine.states(third))["a"] == "none"


@pytest.mark.parametrize(("catchup", "then"), [(True, "running"), (False, "none")])
async def test_with_catchup_runs_by_hand_are_no_past(engine: HandEngine, catchup: bool, then: str) -> None:
    await engine.register(past(catchup=catchup))
    first = await run_of_day(engine, 1, run_type="scheduled")
    await end(engine, first, "a")
    await run_of_day(engine, 2)
    await engine.start()
    third = await run_of_day(engine, 3, run_type="scheduled")
    await engine.start()
    assert (await engine.states(third))["a"] == then


@pytest.mark.parametrize(("waits", "then"), [(True, "none"), (False, "skipped")])
async def test_a_skip_waits_for_the_past_if_it_should(engine: HandEngine, waits: bool, then: str) -> None:
    fields = {"depends_on_past": True, "wait_for_past_before_skipping": waits}
    await engine.register(dag_spec("d", CHAIN, tasks={"b": fields}))
    first, second = await run_of_day(engine, 1), await run_of_day(engine, 2)
    await end(engine, second, "a", "skipped")
    assert (await engine.states(second))["b"] == then
    await end(engine, first, "a")
    await end(engine, first, "b")
    assert (await engine.states(second))["b"] == "skipped"


async def test_the_runs_of_a_week_go_one_after_the_other(engine: HandEngine) -> None:
    await engine.register(past())
    days = [await run_of_day(engine, number) for number in range(7)]
    order: list[str] = []
    await engine.start()
    while engine.executor.started:
        for task in list(engine.executor.started.values()):
            if task.instance.task_id == "a":
                order.append(task.instance.run_id)
            await engine.end(task)
        await engine.start()
    assert order == [one.run_id for one in days]
    assert set((await engine.run_states()).values()) == {"success"}


async def held(engine: HandEngine, run: RunRow) -> dict[str, str]:
    """Why tasks of a run can't go on, as people are told."""

    def look(tx: Tx) -> dict[str, str]:
        rows = {row.uid: row.task_id for row in instances.of_runs(tx, [run.uid])}
        return {rows[uid]: reason for uid, reason in reasons_held(tx, list(rows)).items()}

    return await engine.store.read(look)


async def test_people_are_told_what_is_held(engine: HandEngine) -> None:
    await engine.register(past(a={"wait_for_downstream": True}))
    first, second = await run_of_day(engine, 1), await run_of_day(engine, 2)
    assert await held(engine, second) == {}, "it has not begun"
    await engine.start()
    assert await held(engine, first) == {}
    assert await held(engine, second) == {"a": "depends on its past: in the run before, 'day1', it is running"}
    await end(engine, first, "a")
    assert await held(engine, second) == {"a": "waits for downstream: in the run before, 'day1', 'b' is running"}
    await end(engine, first, "b")
    assert await held(engine, second) == {}
    assert (await engine.states(second))["a"] == "running"


async def test_people_are_told_that_the_run_before_lacks_the_task(engine: HandEngine) -> None:
    await engine.register(past())
    await run_of_day(engine, 1)
    await engine.register(dag_spec("d", {"b": []}))
    await run_of_day(engine, 2)
    await engine.register(past())
    third = await run_of_day(engine, 3)
    await engine.start()
    assert await held(engine, third) == {"a": "depends on its past, and the run before, 'day2', has no task 'a'"}
