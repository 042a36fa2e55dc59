"""What branches left out is left out again when it is cleared, unless the branch is cleared too."""

from __future__ import annotations

import pytest

from bide.control.clear_tasks import clear_tasks
from bide.model.dag_spec import DagSpec
from bide.model.selection import RunChoice, TaskChoice
from bide.store.runs import RunRow
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

BRANCH = {"skips_downstream": True}


def picking(**fields: object) -> DagSpec:
    upstream = {"pick": [], "left": ["pick"], "right": ["pick"], "more": ["right"], "join": ["left", "more"]}
    rules = {"pick": {**BRANCH, **fields}, "join": {"trigger_rule": "none_failed_min_one_success"}}
    return dag_spec("d", upstream, tasks=rules)


async def clear(engine: HandEngine, run: RunRow, *task_ids: str, downstream: bool = False) -> None:
    await clear_tasks(
        engine.store,
        "d",
        which_runs=RunChoice(run_ids=frozenset({run.run_id})),
        which_tasks=TaskChoice(task_ids=frozenset(task_ids), downstream=downstream),
        by="ada",
    )
    await engine.settle()


async def gone_left(engine: HandEngine) -> RunRow:
    run = await engine.run_of(picking())
    await engine.finish("pick", skip=("right",))
    await engine.finish("left")
    await engine.finish("join")
    return run


async def test_what_was_left_out_is_skipped_again_when_it_is_cleared(engine: HandEngine) -> None:
    run = await gone_left(engine)
    await clear(engine, run, "right", downstream=True)
    await engine.finish("join")
    assert await engine.states(run) == {
        "pick": "success",
        "left": "success",
        "right": "skipped",
        "more": "skipped",
        "join": "success",
    }


async def test_what_was_followed_runs_again_when_it_is_cleared(engine: HandEngine) -> None:
    run = await gone_left(engine)
    await clear(engine, run, "left")
    await engine.finish("left")
    assert (await engine.states(run))["left"] == "success"


async def test_a_branch_that_is_cleared_may_decide_otherwise(engine: HandEngine) -> None:
    run = await gone_left(engine)
    await clear(engine, run, "pick", downstream=True)
    assert set((await engine.states(run)).values()) == {"none", "queued"}
    await engine.finish("pick", skip=("left",))
    await engine.finish("right")
    await engine.finish("more")
    await engine.finish("join")
    assert await engine.states(run) == {
        "pick": "success",
        "left": "skipped",
        "right": "success",
        "more": "success",
        "join": "success",
    }


async def test_a_branch_that_fails_first_decides_with_its_last_try(engine: HandEngine) -> None:
    run = await engine.run_of(picking(retries=1, retry_delay=5.0))
    await engine.finish("pick", "failed")
    assert (await engine.states(run))["right"] == "none"
    await engine.skip_to_next()
    await engine.finish("pick", skip=("right",))
    assert (await engine.states(run))["right"] == "skipped"


async def test_a_short_circuit_keeps_only_what_is_directly_downstream(engine: HandEngine) -> None:
    rules = {"stop": BRANCH, "after": {"trigger_rule": "all_done"}}
    run = await engine.run_of(dag_spec("d", {"stop": [], "next": ["stop"], "after": ["next"]}, tasks=rules))
    await engine.finish("stop", skip=("next", "after"))
    assert await engine.states(run) == {"stop": "success", "next": "skipped", "after": "skipped"}
    await clear(engine, run, "next")
    assert (await engine.states(run))["next"] == "skipped"
    await clear(engine, run, "after")
    await engine.finish("after")
    assert (await engine.states(run))["after"] == "success"


async def test_two_branches_must_both_follow(engine: HandEngine) -> None:
    spec = dag_spec("d", {"a": [], "b": [], "c": ["a", "b"]}, tasks={"a": BRANCH, "b": BRANCH})
    run = await engine.run_of(spec)
    await engine.finish("a")
    await engine.finish("b", skip=("c",))
    assert (await engine.states(run))["c"] == "skipped"
    await clear(engine, run, "c")
    assert (await engine.states(run))["c"] == "skipped"
