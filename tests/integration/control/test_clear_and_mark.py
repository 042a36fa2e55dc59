"""Clearing and marking task instances and runs, on rows."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bide.control.accept_event import accept_outcome
from bide.control.cancel_run import cancel_run
from bide.control.clear_tasks import clear_tasks
from bide.control.mark_run import mark_run
from bide.control.mark_tasks import mark_tasks
from bide.control.selecting import Plan
from bide.model.errors import InvalidArgument, NotFound
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import RunState, TaskState
from bide.store import Store, transitions
from bide.store.runs import RunRow
from bide.store.schema import cancel_obligation, log, resume, signal, task_event, task_instance, task_state, xcom
from bide.store.transitions import Guard
from bide.wire.messages import Finish, Refused, Reschedule
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, event, poll

pytestmark = pytest.mark.usefixtures("no_blocking")

CHAIN = {"a": [], "b": ["a"], "c": ["b"]}


async def rows(store: Store, table: sa.Table) -> list[sa.RowMapping]:
    return await store.read(lambda tx: list(tx.conn.execute(sa.select(table)).mappings()))


async def clear(engine: HandEngine, run: RunRow | None, *task_ids: str, **fields: Any) -> Plan:
    tasks = {
        name: fields.pop(name) for name in ("downstream", "upstream", "only_failed", "pattern") if name in fields
    }
    return await clear_tasks(
        engine.store,
        "d",
        which_runs=RunChoice() if run is None else RunChoice(run_ids=frozenset({run.run_id})),
        which_tasks=TaskChoice(task_ids=frozenset(task_ids) or None, **tasks),
        by="ada",
        **fields,
    )


async def mark(engine: HandEngine, run: RunRow, task_id: str, state: str, **fields: Any) -> Plan:
    return await mark_tasks(
        engine.store,
        "d",
        which_runs=RunChoice(run_ids=frozenset({run.run_id})),
        which_tasks=TaskChoice(task_ids=frozenset({task_id})),
        state=TaskState(state),
        by="ada",
        **fields,
    )


def shown(plan: Plan) -> list[tuple[str, str, str]]:
    return [(one.found.task_id, str(one.found.state), str(one.target)) for one in plan.changes]


async def failed_chain(engine: HandEngine, **fields: Any) -> RunRow:
    """A run that has failed at its first task."""
    run = await engine.run_of(dag_spec("d", CHAIN, **fields))
    await engine.finish("a", "failed")
    assert await engine.run_states() == {run.run_id: "failed"}
    return run


# --- clear


async def test_clearing_with_downstream_lets_a_failed_run_end_well(engine: HandEngine) -> None:
    run = await failed_chain(engine)
    plan = await clear(engine, run, "a", downstream=True)
    assert shown(plan) == [
        ("a", "failed", "none"),
        ("b", "upstream_failed", "none"),
        ("c", "upstream_failed", "none"),
    ]
    row = await engine.run_row(run)
    assert (row["state"], row["unfinished"], row["end_date"], row["start_date"]) == ("queued", 3, None, None)
    for task_id in "abc":
        await engine.finish(task_id)
    assert await engine.run_states() == {run.run_id: "success"}
    assert [(await engine.instance(one))["try_number"] for one in "abc"] == [2, 1, 1]
    begun = ["scheduled", "queued", "running"]
    assert await engine.history("a") == [*begun, "failed", "none", *begun, "success"], (
        "what was before stays in the history"
    )
    (audit,) = [one for one in await rows(engine.store, log) if one["event"] == "clear_task_instances"]
    assert (audit["owner"], audit["dag_id"], audit["run_id"]) == ("ada", "d", run.run_id)
    assert json.loads(audit["extra"]) == {
        "run_ids": [run.run_id],
        "task_ids": ["a"],
        "downstream": True,
        "changed": 3,
    }


async def test_clearing_without_downstream_leaves_its_successors_as_they_are(engine: HandEngine) -> None:
    run = await failed_chain(engine)
    await clear(engine, run, "a")
    await engine.finish("a")
    assert await engine.states(run) == {"a": "success", "b": "upstream_failed", "c": "upstream_failed"}
    assert await engine.run_states() == {run.run_id: "failed"}


async def test_a_cleared_task_whose_upstream_has_ended_goes_on_at_once(engine: HandEngine) -> None:
    """In a run that goes on, and in one that has to be started again."""
    run = await engine.run_of(dag_spec("d", {**CHAIN, "beside": []}))
    for task_id in "abc":
        await engine.finish(task_id)
    await clear(engine, run, "c")
    assert (await engine.run_row(run))["state"] == "running"
    await engine.finish("c")
    await engine.finish("beside")
    await clear(engine, run, "b")
    await engine.finish("b")
    assert await engine.run_states() == {run.run_id: "success"}
    tries = {one["task_id"]: one["try_number"] for one in await rows(engine.store, task_instance)}
    assert tries == {"a": 1, "b": 2, "c": 2, "beside": 1}


async def test_all_retries_again_with_the_back_off_from_its_start(engine: HandEngine) -> None:
    fields = {"retries": 1, "retry_delay": 60.0, "retry_backoff": 2.0}
    run = await engine.run_of(dag_spec("d", each=fields))
    for _ in range(2):
        delays: list[timedelta] = []
        await engine.finish("a", "failed")
        delays.append((await engine.instance("a"))["due_at"] - engine.clock.now())
        await engine.skip_to_next()
        await engine.finish("a", "failed")
        assert delays == [timedelta(seconds=60)]
        assert (await engine.instance("a"))["state"] == "failed"
        await clear(engine, run, "a")
    row = await engine.instance("a")
    assert (row["state"], row["try_number"], row["max_tries"]) == ("none", 4, 5)
    task = (await engine.start())["a"]
    assert task.try_number == 5
    assert task.log_path.endswith("5.log"), "logs of earlier tries stay"


async def test_xcoms_stay_until_it_starts_again(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d"))
    await engine.finish("a", return_value=b"1")
    await clear(engine, run, "a")
    assert len(await rows(engine.store, xcom)) == 1
    await engine.start()
    assert await rows(engine.store, xcom) == []


async def test_what_it_had_gathered_is_gone_and_what_it_wrote_down_for_good_stays(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    await engine.start()
    now = engine.clock.now()
    for task_id in "ab":
        uid = (await engine.instance(task_id))["uid"]
        kinds = ("job", "journal", "checkpoint", "user")
        states = [{"instance_uid": uid, "kind": one, "key": "k", "value": b"", "updated_at": now} for one in kinds]
        callback = {
            "uid": f"signal-{task_id}",
            "instance_uid": uid,
            "name": "done",
            "created_at": now,
            "expires_at": now + timedelta(days=30),
        }
        await engine.store.write(lambda tx, rows=states: tx.conn.execute(sa.insert(task_state), rows))
        await engine.store.write(lambda tx, row=callback: tx.conn.execute(sa.insert(signal), row))
    await clear(engine, run, "a")
    a, b = (await engine.instance("a"))["uid"], (await engine.instance("b"))["uid"]
    kept = {(one["instance_uid"], one["kind"]) for one in await rows(engine.store, task_state)}
    assert kept == {(a, "user"), *((b, kind) for kind in ("job", "journal", "checkpoint", "user"))}
    assert [one["instance_uid"] for one in await rows(engine.store, signal)] == [b]


async def in_every_state(engine: HandEngine) -> RunRow:
    """A run with an instance in each state that one can be in while its run goes on."""
    names = ("running", "deferred", "retry", "look", "done", "failed", "skipped", "resuming", "queued")
    upstream: dict[str, list[str]] = {**{name: [] for name in names}, "after": ["running"], "unlucky": ["failed"]}
    each = {"retries": 1, "retry_delay": 60.0}
    run = await engine.run_of(dag_spec("d", upstream, each=each, tasks={"failed": {"retries": 0}}))
    await engine.defer("deferred", poll(has_on_kill=True))
    await engine.finish("retry", "failed")
    await engine.report("look", Reschedule(engine.clock.now().timestamp() + 60))
    await engine.finish("done")
    await engine.finish("failed", "failed")
    await engine.finish("skipped", "skipped")
    await engine.defer("resuming")
    for row in await engine.waits():
        if row["instance_uid"] == (await engine.instance("resuming"))["uid"]:
            assert await accept_outcome(engine.store, row["uid"], row["token"], event())
    return run


async def test_everything_can_be_cleared_and_the_dry_run_says_so_before(engine: HandEngine) -> None:
    run = await in_every_state(engine)
    before = {one["task_id"]: one for one in await rows(engine.store, task_instance)}
    events = len(await rows(engine.store, task_event))
    promised = await clear(engine, run, dry_run=True)
    assert await rows(engine.store, task_instance) == list(before.values()), "a dry run changes nothing"
    assert len(await rows(engine.store, task_event)) == events
    assert await clear(engine, run) == promised, "and tells exactly what the clear does"
    assert {one.found.task_id for one in promised.changes} == before.keys() - {"after"}

    after = {one["task_id"]: one for one in await rows(engine.store, task_instance)}
    for task_id, row in after.items():
        changed = task_id != "after"
        assert row["epoch"] == before[task_id]["epoch"] + changed, "epochs only grow"
        assert row["try_number"] >= before[task_id]["try_number"]
        for name in ("deadline", "due_at", "end_date", "duration"):
            assert row[name] is None
        assert not row["is_resume"]
    # It is running, and what has no upstream was decided on at once.
    states = {task_id: row["state"] for task_id, row in after.items()}
    assert states == dict.fromkeys(after, "scheduled") | {"after": "none", "unlucky": "none"}
    assert await engine.waits() == []
    assert await rows(engine.store, resume) == []
    assert (await engine.run_row(run))["unfinished"] == len(after)


async def test_a_running_task_is_fenced_and_its_worker_stopped(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d"))
    task = (await engine.start())["a"]
    await clear(engine, run, "a")
    assert isinstance(await engine.ask(task, Finish("success", return_value=b"1")), Refused)
    assert isinstance(await engine.ask(task, deferral()), Refused)
    again = (await engine.start())["a"]
    assert engine.executor.cancelled == [(task.instance.id, task.epoch)]
    assert again.epoch > task.epoch
    assert again.try_number == 2


async def test_k10_clearing_leaves_no_slot_behind(engine: HandEngine) -> None:
    """K10: queued, running and deferred tasks that are cleared give back what they had."""
    run = await engine.run_of(dag_spec("d", {"a": [], "b": [], "c": []}, max_active_tasks=2))
    await engine.defer("a")
    for _ in range(3):
        await engine.start()
        assert sorted((await engine.states(run)).values()) in (
            ["deferred", "running", "running"],
            ["running", "running", "scheduled"],
        )
        await clear(engine, run)
    for _ in range(3):
        task = next(iter((await engine.start()).values()), None) or next(iter(engine.executor.started.values()))
        await engine.end(task)
    await engine.settle()
    assert await engine.run_states() == {run.run_id: "success"}


async def test_all_runs_or_those_of_a_span(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", max_active_runs=100))
    runs = [await engine.create("d", logical_date=engine.clock.now() + timedelta(days=day)) for day in range(4)]
    for task in (await engine.start()).values():
        assert task
    for task in list(engine.executor.started.values()):
        await engine.end(task, "failed")
    await engine.settle()
    assert set((await engine.run_states()).values()) == {"failed"}

    async def chosen(choice: RunChoice) -> list[int]:
        plan = await clear_tasks(
            engine.store, "d", which_runs=choice, which_tasks=TaskChoice(), dry_run=True, by="ada"
        )
        ids = [run.run_id for run in runs]
        return [ids.index(one.found.run_id) for one in plan.changes]

    dates = [run.logical_date for run in runs]
    assert await chosen(RunChoice()) == [0, 1, 2, 3]
    assert await chosen(RunChoice(start=dates[1], end=dates[2])) == [1, 2]
    assert await chosen(RunChoice(run_ids=frozenset({runs[1].run_id}), future=True)) == [1, 2, 3]
    assert await chosen(RunChoice(run_ids=frozenset({runs[1].run_id}), past=True)) == [0, 1]
    await clear(engine, None, only_failed=True)
    assert set((await engine.run_states()).values()) == {"queued"}


async def test_a_run_that_was_cleared_has_to_find_room_again(engine: HandEngine) -> None:
    first = await engine.run_of(dag_spec("d", max_active_runs=1))
    await engine.finish("a", "failed")
    second = await engine.create("d")
    await engine.start()
    await clear(engine, first)
    await engine.start()
    assert await engine.run_states() == {first.run_id: "queued", second.run_id: "running"}
    assert await engine.states(first) == {"a": "none"}


async def test_a_run_may_be_left_as_it_has_ended(engine: HandEngine) -> None:
    run = await failed_chain(engine)
    await clear(engine, run, "a", reset_runs=False)
    await engine.start()
    assert (await engine.run_row(run))["state"] == "failed"
    assert await engine.states(run) == {"a": "none", "b": "upstream_failed", "c": "upstream_failed"}
    await mark_run(engine.store, "d", run.run_id, RunState.QUEUED, by="ada")
    assert "a" in await engine.start(), "until somebody lets it go on"


async def test_what_is_not_there(engine: HandEngine) -> None:
    with pytest.raises(NotFound, match="there is no DAG 'd'"):
        await clear(engine, None)
    run = await failed_chain(engine)
    with pytest.raises(NotFound, match="DAG 'd' has no run 'other'"):
        await clear(engine, run._replace(run_id="other"))
    with pytest.raises(NotFound, match=f"run '{run.run_id}' of DAG 'd' has no task 'x'".replace("+", r"\+")):
        await clear(engine, run, "x")
    audits = [one["event"] for one in await rows(engine.store, log)]
    assert audits == ["trigger_dag_run"], "what was refused is not in the audit log"


# --- versions


async def test_a_cleared_run_keeps_its_version_unless_asked(engine: HandEngine) -> None:
    run = await failed_chain(engine)
    await engine.register(dag_spec("d", {"a": [], "new": ["a"]}))
    await clear(engine, run, downstream=True)
    await engine.finish("a")
    assert await engine.states(run) == {"a": "success", "b": "running", "c": "none"}


async def test_a_run_moves_to_the_newest_version_if_asked(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {**CHAIN, "gone": ["a"], "waits": ["a"]}))
    await engine.finish("a")
    await engine.finish("b", "failed")
    await engine.defer("waits", poll(has_on_kill=True))
    gone = engine.started("gone")
    await engine.register(dag_spec("d", {**CHAIN, "new": ["a"]}, each={"retries": 2, "priority_weight": 9}))
    promised = await clear(engine, run, "b", downstream=True, latest=True, dry_run=True)
    plan = await clear(engine, run, "b", downstream=True, latest=True)
    assert plan == promised
    assert plan.added == [(run.run_id, "new")]
    assert {one.found.task_id: str(one.target) for one in plan.changes} == {
        "b": "none",
        "c": "none",
        "gone": "removed",
        "waits": "removed",
    }
    assert isinstance(await engine.ask(gone, Finish("success")), Refused)
    row = await engine.instance("b")
    assert (row["max_tries"], row["priority_weight"]) == (3, 9)
    await engine.finish("new")
    await engine.finish("b")
    await engine.finish("c")
    row = await engine.run_row(run)
    assert (row["state"], row["unfinished"]) == ("success", 0)
    assert len(await rows(engine.store, cancel_obligation)) == 1


async def test_a_removed_task_that_is_back_can_be_cleared(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    uid = (await engine.instance("b"))["uid"]
    await engine.store.write(lambda tx: transitions.apply(tx, "remove", [Guard(uid, 0)], by="test"))
    await engine.finish("a", "failed")
    await clear(engine, run)
    await engine.finish("a")
    await engine.finish("b")
    assert await engine.run_states() == {run.run_id: "success"}


# --- mark


async def test_marking_as_success_lets_the_run_go_on(engine: HandEngine) -> None:
    run = await failed_chain(engine)
    promised = await mark(engine, run, "a", "success", dry_run=True)
    plan = await mark(engine, run, "a", "success")
    assert plan == promised
    assert shown(plan) == [
        ("a", "failed", "success"),
        ("b", "upstream_failed", "none"),
        ("c", "upstream_failed", "none"),
    ]
    await engine.finish("b")
    await engine.finish("c")
    assert await engine.run_states() == {run.run_id: "success"}
    assert [one["event"] for one in await rows(engine.store, log)][-1] == "mark_task_instances"


async def test_marking_what_runs_stops_it_and_goes_on(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", CHAIN))
    task = (await engine.start())["a"]
    await mark(engine, run, "a", "success")
    assert isinstance(await engine.ask(task, Finish("failed")), Refused)
    assert list(await engine.start()) == ["b"]
    assert engine.executor.cancelled == [(task.instance.id, task.epoch)]
    await mark(engine, run, "b", "skipped")
    await engine.settle()
    assert await engine.states(run) == {"a": "success", "b": "skipped", "c": "skipped"}


async def test_marking_a_deferred_task_ends_its_wait(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", CHAIN))
    await engine.defer("a", poll(has_on_kill=True))
    (row,) = await engine.waits()
    drops = engine.store.bell.listen("drops")
    await mark(engine, run, "a", "failed")
    assert await drops.wait(0), "its trigger is dropped"
    assert await engine.waits() == []
    assert not await accept_outcome(engine.store, row["uid"], row["token"], event())
    assert len(await rows(engine.store, cancel_obligation)) == 1
    await engine.settle()
    assert (await engine.instance("a"))["error"] == "marked as failed by ada"
    assert await engine.run_states() == {run.run_id: "failed"}


async def test_marking_the_last_task_corrects_how_the_run_ended(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d"))
    await engine.finish("a", "failed")
    for state in ("success", "failed", "skipped"):
        await mark(engine, run, "a", state)
        expected = "failed" if state == "failed" else "success"
        assert await engine.run_states() == {run.run_id: expected}
    await engine.settle()
    assert (await engine.run_row(run))["unfinished"] == 0


async def test_a_task_is_marked_before_its_run_begins(engine: HandEngine) -> None:
    first = await engine.run_of(dag_spec("d", CHAIN, max_active_runs=1))
    await engine.start()
    second = await engine.create("d")
    await mark(engine, second, "a", "success")
    await engine.settle()
    assert await engine.states(second) == {"a": "success", "b": "none", "c": "none"}, "it has no room yet"
    await cancel_run(engine.store, "d", first.run_id, by="ada")
    await engine.start()
    assert await engine.states(second) == {"a": "success", "b": "running", "c": "none"}


async def test_only_three_states_can_be_marked(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d"))
    with pytest.raises(InvalidArgument, match="can be marked as success, failed, skipped, not as running"):
        await mark(engine, run, "a", "running")


# --- whole runs


@pytest.mark.parametrize("state", ["success", "failed"])
async def test_a_run_is_marked_with_all_that_it_has(engine: HandEngine, state: str) -> None:
    run = await in_every_state(engine)
    promised = await mark_run(engine.store, "d", run.run_id, RunState(state), dry_run=True, by="ada")
    plan = await mark_run(engine.store, "d", run.run_id, RunState(state), by="ada")
    assert plan == promised
    states = await engine.states(run)
    if state == "success":
        assert set(states.values()) == {"success"}
    else:
        finished = {"done": "success", "skipped": "skipped", "unlucky": "upstream_failed", "after": "skipped"}
        assert states == dict.fromkeys(states, "failed") | finished
    row = await engine.run_row(run)
    assert (row["state"], row["unfinished"], row["reason"]) == (state, 0, f"marked as {state} by ada")
    assert await engine.waits() == []
    assert len(await rows(engine.store, cancel_obligation)) == 1
    await engine.settle()
    assert (await engine.run_row(run))["state"] == state


async def test_a_run_that_has_ended_is_marked(engine: HandEngine) -> None:
    run = await failed_chain(engine)
    await mark_run(engine.store, "d", run.run_id, RunState.SUCCESS, by="ada")
    assert set((await engine.states(run)).values()) == {"success"}
    await mark_run(engine.store, "d", run.run_id, RunState.FAILED, by="ada")
    row = await engine.run_row(run)
    assert (row["state"], row["reason"]) == ("failed", "marked as failed by ada")
    await mark_run(engine.store, "d", run.run_id, RunState.QUEUED, by="ada")
    await engine.settle()
    assert await engine.run_states() == {run.run_id: "success"}, "its tasks say so"
    with pytest.raises(InvalidArgument, match="success, failed or queued"):
        await mark_run(engine.store, "d", run.run_id, RunState.RUNNING, by="ada")
    with pytest.raises(NotFound, match="has no run 'x'"):
        await mark_run(engine.store, "d", "x", RunState.FAILED, by="ada")
