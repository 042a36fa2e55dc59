"""Runs from their first task to their end, duty by duty, without a moment of sleep."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bide.model.states import RunState
from bide.wire.messages import Finish, Ok, Outcome
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, event, timer

pytestmark = pytest.mark.usefixtures("no_blocking")

DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}


async def test_a_diamond(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", DIAMOND))
    assert set(await engine.start()) == {"a"}
    assert isinstance(await engine.finish("a"), Ok)
    assert await engine.states(run) == {"a": "success", "b": "running", "c": "running", "d": "none"}
    await engine.finish("b")
    assert (await engine.states(run))["d"] == "none"
    await engine.finish("c")
    await engine.finish("d")
    ended = await engine.run_row(run)
    assert (ended["state"], ended["unfinished"]) == (RunState.SUCCESS, 0)
    assert ended["end_date"] == engine.clock.now()
    assert await engine.history("d") == ["scheduled", "queued", "running", "success"]


async def test_a_failure_cascades_and_fails_the_run(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {**DIAMOND, "e": ["d"]}))
    await engine.finish("a")
    await engine.finish("b", "failed", error="boom")
    await engine.finish("c")
    assert await engine.states(run) == {
        "a": "success",
        "b": "failed",
        "c": "success",
        "d": "upstream_failed",
        "e": "upstream_failed",
    }
    assert (await engine.run_row(run))["state"] == RunState.FAILED
    assert (await engine.instance("b"))["error"] == "boom"


async def test_a_failed_task_that_is_cleaned_up_after_does_not_fail_the_run(engine: HandEngine) -> None:
    """The state of a run is that of its leaves."""
    rules = {"clean": {"trigger_rule": "all_done"}}
    run = await engine.run_of(dag_spec("d", {"a": [], "b": ["a"], "clean": ["b"]}, tasks=rules))
    await engine.finish("a", "failed")
    await engine.finish("clean")
    assert await engine.states(run) == {"a": "failed", "b": "upstream_failed", "clean": "success"}
    assert (await engine.run_row(run))["state"] == RunState.SUCCESS


async def test_a_branch_skips_what_it_did_not_choose(engine: HandEngine) -> None:
    upstream = {"pick": [], "left": ["pick"], "right": ["pick"], "more": ["right"], "join": ["left", "more"]}
    rules = {"join": {"trigger_rule": "none_failed_min_one_success"}}
    run = await engine.run_of(dag_spec("d", upstream, tasks=rules))
    await engine.finish("pick", skip=("right",))
    await engine.finish("left")
    await engine.finish("join")
    assert await engine.states(run) == {
        "pick": "success",
        "left": "success",
        "right": "skipped",
        "more": "skipped",
        "join": "success",
    }


async def test_a_short_circuit_skips_everything_downstream_whatever_its_rule(engine: HandEngine) -> None:
    rules = {"always": {"trigger_rule": "all_done"}}
    run = await engine.run_of(
        dag_spec("d", {"stop": [], "b": ["stop"], "always": ["b"], "beside": []}, tasks=rules)
    )
    await engine.finish("stop", skip=("b", "always"))
    await engine.finish("beside")
    assert await engine.states(run) == {
        "stop": "success",
        "b": "skipped",
        "always": "skipped",
        "beside": "success",
    }
    assert (await engine.run_row(run))["state"] == RunState.SUCCESS


async def test_a_task_that_skips_itself(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}))
    await engine.finish("a", "skipped")
    assert await engine.states(run) == {"a": "skipped", "b": "skipped"}
    assert (await engine.run_row(run))["state"] == RunState.SUCCESS


async def test_a_dag_without_tasks_ends_at_once(engine: HandEngine) -> None:
    spec = dag_spec("d")
    run = await engine.run_of(type(spec)(dag_id="d", file=spec.file, folder=spec.folder))
    await engine.settle()
    row = await engine.run_row(run)
    assert (row["state"], row["reason"]) == (RunState.SUCCESS, "the DAG has no tasks")


async def test_retries_come_after_exactly_5_10_and_20_minutes(engine: HandEngine) -> None:
    every = {"retries": 3, "retry_delay": 300.0, "retry_backoff": 2.0}
    run = await engine.run_of(dag_spec("d", each=every))
    waited: list[float] = []
    for _ in range(3):
        await engine.finish("a", "failed")
        assert await engine.states(run) == {"a": "up_for_retry"}
        before = engine.clock.now()
        await engine.skip_to_next()
        waited.append((engine.clock.now() - before).total_seconds() / 60)
    assert waited == [5, 10, 20]
    await engine.finish("a", "failed")
    row = await engine.instance("a")
    assert (row["state"], row["try_number"]) == ("failed", 4)
    assert (await engine.run_row(run))["state"] == RunState.FAILED


async def test_a_new_try_starts_from_nothing(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"retries": 1, "retry_delay": 60.0, "execution_timeout": 100.0}))
    first = (await engine.start())["a"]
    engine.clock.advance(10)
    await engine.finish("a", "failed", error="boom")
    row = await engine.instance("a")
    assert (row["duration"], row["error"]) == (10.0, "boom")
    engine.clock.advance(60)
    second = (await engine.start())["a"]
    assert (second.try_number, second.epoch) == (2, first.epoch + 2)
    assert second.started_at == engine.clock.now().timestamp()
    assert second.deadline == second.started_at + 100
    assert second.log_path != first.log_path
    row = await engine.instance("a")
    assert (row["end_date"], row["duration"]) == (None, None)


async def test_no_retry_for_a_failure_that_says_so(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", each={"retries": 3}))
    await engine.finish("a", "failed", may_retry=False)
    assert await engine.states(run) == {"a": "failed"}


async def test_a_task_that_waits_for_a_timer_goes_on_where_it_said(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d"))
    await engine.defer("a", timer(engine.clock.now()), kwargs=b'{"x": 1}')
    task = engine.started("a")
    assert task.resume is not None
    assert (task.resume.method, task.resume.kwargs, task.resume.event) == ("done", b'{"x": 1}', b'"now"')
    assert task.try_number == 1
    await engine.finish("a")
    assert await engine.history("a") == [
        *("scheduled", "queued", "running", "deferred"),
        *("scheduled", "queued", "running", "success"),
    ]
    assert (await engine.run_row(run))["state"] == RunState.SUCCESS


async def test_several_deferrals_in_one_task(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    for number in range(3):
        await engine.defer("a", timer(engine.clock.now() + timedelta(minutes=1)))
        assert (await engine.instance("a"))["state"] == "deferred"
        assert len(await engine.waits()) == 1, number
        await engine.skip_to_next()
        assert await engine.waits() == []
        await engine.start()
    await engine.finish("a")
    row = await engine.instance("a")
    assert (row["state"], row["try_number"]) == ("success", 1)


@pytest.mark.parametrize("kind", ["success", "failed", "skipped"])
async def test_a_timer_can_end_its_task_without_a_worker(engine: HandEngine, kind: str) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}))
    outcome = Outcome(kind, b"null", xcoms={"k": b"1"})  # type: ignore[arg-type]
    await engine.defer("a", timer(engine.clock.now(), outcome), method=None)
    assert await engine.history("a") == ["scheduled", "queued", "running", "deferred", kind]
    after = {"success": "running", "failed": "upstream_failed", "skipped": "skipped"}
    assert await engine.states(run) == {"a": kind, "b": after[kind]}


async def test_a_failed_event_uses_the_retries(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"retries": 1, "retry_delay": 1.0}))
    await engine.defer("a", timer(engine.clock.now(), Outcome("failed", b"null")), method=None)
    row = await engine.instance("a")
    assert row["state"] == "up_for_retry"
    assert row["error"] == "the trigger waiting.Timer ended the task as failed"


async def test_an_event_for_a_task_that_can_not_go_on_fails_it_clearly(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.defer("a", timer(engine.clock.now(), event()), method=None)
    row = await engine.instance("a")
    assert row["state"] == "failed"
    assert "defer() gave no method_name to resume at" in row["error"]


async def test_the_many_tasks_of_a_wide_dag(engine: HandEngine) -> None:
    upstream = {f"t{number:03}": [] for number in range(150)}
    run = await engine.run_of(dag_spec("d", {**upstream, "join": list(upstream)}, max_active_tasks=1_000))
    engine.heed_pools = False
    engine.executor.slots = 1_000
    started = await engine.start()
    assert len(started) == 150
    await engine.leave_all(started.values(), Finish("success"))
    await engine.finish("join")
    assert (await engine.run_row(run))["state"] == RunState.SUCCESS
