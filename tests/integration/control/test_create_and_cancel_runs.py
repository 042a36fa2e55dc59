"""Runs are made and cancelled."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bide.control.accept_event import accept_outcome
from bide.control.cancel_run import cancel_run
from bide.control.clear_tasks import clear_tasks
from bide.control.create_run import create_run
from bide.control.mark_run import mark_run
from bide.control.pause_dag import pause_dag
from bide.control.register_file import forget_file
from bide.model.dag_spec import DagSpec, ParamSpec
from bide.model.errors import Conflict, InvalidArgument, InvalidId, NotFound
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import RunState
from bide.model.timetables import Interval
from bide.store import dags
from bide.store.schema import cancel_obligation, log, resume, task_instance
from bide.wire.messages import Finish, Refused, Reschedule
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, event, poll

pytestmark = pytest.mark.usefixtures("no_blocking")


async def rows(engine: HandEngine, table: sa.Table) -> list[sa.RowMapping]:
    return await engine.store.read(lambda tx: list(tx.conn.execute(sa.select(table)).mappings()))


# --- create


async def test_a_run_has_an_instance_per_task(engine: HandEngine) -> None:
    tasks = {"b": {"retries": 3, "priority_weight": 7, "queue": "big", "pool": "p", "pool_slots": 2}}
    run = await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}, tasks=tasks))
    a, b = await rows(engine, task_instance)
    assert (a["task_id"], a["state"], a["epoch"], a["try_number"], a["map_index"]) == ("a", "none", 0, 0, -1)
    assert (b["max_tries"], b["priority_weight"], b["queue"], b["pool"], b["pool_slots"]) == (3, 7, "big", "p", 2)
    row = await engine.run_row(run)
    assert (row["state"], row["run_type"], row["unfinished"]) == ("queued", "manual", 2)
    assert row["execution_date"] == row["logical_date"] == engine.clock.now()
    assert run.run_id == f"manual__{engine.clock.now().isoformat()}"


async def test_instances_are_made_in_the_order_of_the_tasks(engine: HandEngine) -> None:
    names = [f"t{number}" for number in range(200)]
    await engine.run_of(dag_spec("d", {name: [] for name in names}))
    made = sorted(await rows(engine, task_instance), key=lambda row: row["uid"])
    assert [row["task_id"] for row in made] == names


async def test_what_a_person_gives_with_a_run(engine: HandEngine) -> None:
    await engine.register(dag_spec("d"))
    logical = datetime(2025, 12, 24, 18, tzinfo=UTC)
    run = await create_run(
        engine.store, "d", conf={"n": 1, "x": ["ü"]}, logical_date=logical, run_id="mine", note="why", by="ada"
    )
    row = await engine.run_row(run)
    assert (row["run_id"], row["logical_date"], row["triggered_by"], row["note"]) == ("mine", logical, "ada", "why")
    assert json.loads(row["conf"]) == {"n": 1, "x": ["ü"]}
    assert [(one["event"], one["owner"], one["run_id"]) for one in await rows(engine, log)] == [
        ("trigger_dag_run", "ada", "mine")
    ]


async def test_an_unknown_dag_and_one_that_is_gone(engine: HandEngine) -> None:
    with pytest.raises(NotFound, match=r"there is no DAG 'd'$"):
        await create_run(engine.store, "d", by="ada")
    await engine.register(dag_spec("d"))
    await forget_file(engine.store, "/dags/d.py")
    with pytest.raises(NotFound, match=r"no DAG 'd' any more: /dags/d\.py no longer makes it"):
        await create_run(engine.store, "d", by="ada")


async def test_a_run_id_is_taken_once_per_dag(engine: HandEngine) -> None:
    await engine.register(dag_spec("d"))
    await engine.register(dag_spec("e"))
    await create_run(engine.store, "d", run_id="mine", by="ada")
    await create_run(engine.store, "e", run_id="mine", by="ada")
    with pytest.raises(Conflict, match="DAG 'd' has a run 'mine' already"):
        await create_run(engine.store, "d", run_id="mine", by="ada")
    assert len(await rows(engine, log)) == 2, "what was refused is not in the audit log"


@pytest.mark.parametrize("conf", [[1], "x", 5, {"x": object()}, {"x": float("nan")}, {"x": {1, 2}}])
async def test_a_conf_that_is_no_json_object(engine: HandEngine, conf: Any) -> None:
    await engine.register(dag_spec("d"))
    with pytest.raises(InvalidArgument, match="conf must be a JSON object"):
        await create_run(engine.store, "d", conf=conf, by="ada")
    assert await engine.run_states() == {}


@pytest.mark.parametrize("conf", [{"x": "half \ud800"}, {"half \ud800": 1}])
async def test_a_conf_that_nobody_could_read(engine: HandEngine, conf: Any) -> None:
    await engine.register(dag_spec("d"))
    with pytest.raises(InvalidArgument, match="conf has text that is none in Unicode"):
        await create_run(engine.store, "d", conf=conf, by="ada")
    assert await engine.run_states() == {}


@pytest.mark.parametrize("date", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
async def test_a_logical_date_at_the_end_of_time(engine: HandEngine, date: datetime) -> None:
    await engine.register(dag_spec("d"))
    with pytest.raises(InvalidArgument, match="is out of range: its year must be 100 to 9899"):
        await create_run(engine.store, "d", logical_date=date, by="ada")


@pytest.mark.parametrize("year", [100, 9899])
@pytest.mark.parametrize("schedule", ["0 0 29 2 *", "@hourly"])
async def test_logical_dates_far_away(engine: HandEngine, year: int, schedule: str) -> None:
    await engine.register(dag_spec("d", schedule=schedule))
    run = await create_run(engine.store, "d", logical_date=datetime(year, 1, 1, tzinfo=UTC), by="ada")
    assert run.logical_date == datetime(year, 1, 1, tzinfo=UTC)


async def test_a_run_id_that_can_not_be(engine: HandEngine) -> None:
    await engine.register(dag_spec("d"))
    with pytest.raises(InvalidId, match="'a b' can't be a run id"):
        await create_run(engine.store, "d", run_id="a b", by="ada")


async def test_a_run_pins_the_version_of_its_dag(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}))
    await engine.register(dag_spec("d", {"a": [], "c": ["a"]}))
    newer = await engine.create("d")
    await engine.start()
    assert await engine.states(run) == {"a": "running", "b": "none"}
    assert await engine.states(newer) == {"a": "running", "c": "none"}


async def test_runs_that_share_a_logical_date_have_logs_of_their_own(engine: HandEngine) -> None:
    await engine.register(dag_spec("d"))
    logical = datetime(2025, 12, 24, 18, tzinfo=UTC)
    for _ in range(3):
        await engine.create("d", logical_date=logical, run_id=f"r{len(await engine.run_states())}")
    await engine.start()
    paths = {task.log_path for task in engine.executor.started.values()}
    assert len(paths) == 3


async def test_a_run_that_is_asked_for_does_not_move_the_schedule(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", schedule="@hourly"))
    await engine.settle()
    before = await engine.store.read(lambda tx: (dags.find(tx, "d"), dags.last_interval(tx, "d")))
    await engine.create("d")
    await engine.settle()
    assert await engine.store.read(lambda tx: (dags.find(tx, "d"), dags.last_interval(tx, "d"))) == before
    assert before[1] == Interval(engine.clock.now().replace(hour=11, microsecond=0), before[1].end)


# --- cancel


async def in_every_state(engine: HandEngine) -> Any:
    """A run with an instance in each state that a run can be cancelled in."""
    names = ("running", "deferred", "retry", "look", "done", "resuming", "waiting_slot")
    upstream: dict[str, list[str]] = {**{name: [] for name in names}, "after": ["running"]}
    run = await engine.run_of(dag_spec("d", upstream, each={"retries": 1, "retry_delay": 60.0}))
    await engine.defer("deferred", poll(has_on_kill=True))
    await engine.finish("retry", "failed")
    await engine.report("look", Reschedule(engine.clock.now().timestamp() + 60))
    await engine.finish("done")
    await engine.defer("resuming")
    for row in await engine.waits():
        if row["instance_uid"] == (await engine.instance("resuming"))["uid"]:
            assert await accept_outcome(engine.store, row["uid"], row["token"], event())
    return run


async def test_cancelling_ends_whatever_has_begun_and_skips_the_rest(engine: HandEngine) -> None:
    run = await in_every_state(engine)
    engine.executor.slots = 0
    before = {row["task_id"]: row["epoch"] for row in await rows(engine, task_instance)}
    done = await cancel_run(engine.store, "d", run.run_id, by="ada")
    assert done == (7, ())
    assert await engine.states(run) == {
        "running": "failed",
        "deferred": "failed",
        "retry": "failed",
        "look": "failed",
        "done": "success",
        "resuming": "failed",
        "waiting_slot": "failed",
        "after": "skipped",
    }
    row = await engine.run_row(run)
    assert (row["state"], row["unfinished"], row["reason"]) == ("failed", 0, "cancelled by ada")
    assert await engine.waits() == []
    assert await rows(engine, resume) == []
    for one in await rows(engine, task_instance):
        assert one["epoch"] == before[one["task_id"]] + (one["task_id"] != "done")
        assert (one["deadline"], one["due_at"], one["is_resume"]) == (None, None, False)
    assert [one["event"] for one in await rows(engine, log)][-1] == "cancel_dag_run"
    assert await engine.settle() is None, "nothing of it is due any more"


async def test_cancelling_stops_workers_and_refuses_their_results(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}))
    task = (await engine.start())["a"]
    await cancel_run(engine.store, "d", run.run_id, by="ada")
    assert isinstance(await engine.ask(task, Finish("success", return_value=b"1")), Refused)
    assert isinstance(await engine.ask(task, deferral()), Refused)
    await engine.settle()
    assert engine.executor.cancelled == [(task.instance.id, task.epoch)]
    assert await engine.states(run) == {"a": "failed", "b": "skipped"}


async def test_cancelling_obliges_to_cancel_external_work(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    await engine.defer("a", poll(has_on_kill=True))
    await engine.defer("b")
    (first, _) = await engine.waits()
    await cancel_run(engine.store, "d", run.run_id, by="ada")
    (one,) = await rows(engine, cancel_obligation)
    assert (one["wait_uid"], one["state"], one["run_uid"]) == (first["uid"], "pending", run.uid)
    assert one["give_up_at"] == engine.clock.now() + timedelta(minutes=10)


async def test_an_event_after_the_cancel_is_dropped(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d"))
    await engine.defer("a")
    (row,) = await engine.waits()
    await cancel_run(engine.store, "d", run.run_id, by="ada")
    assert not await accept_outcome(engine.store, row["uid"], row["token"], event())


async def test_a_run_that_waits_to_start_can_be_cancelled(engine: HandEngine) -> None:
    first = await engine.run_of(dag_spec("d", max_active_runs=1))
    second = await engine.create("d")
    await engine.settle()
    assert (await cancel_run(engine.store, "d", second.run_id, by="ada")).instances == 1
    assert (await cancel_run(engine.store, "d", first.run_id, by="ada")).instances == 1
    third = await engine.create("d")
    await engine.start()
    assert await engine.states(third) == {"a": "running"}, "a run that was cancelled makes room"


async def test_a_run_is_cancelled_once(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d"))
    with pytest.raises(NotFound, match="DAG 'd' has no run 'other'"):
        await cancel_run(engine.store, "d", "other", by="ada")
    await engine.finish("a")
    with pytest.raises(Conflict, match="has ended: it is success"):
        await cancel_run(engine.store, "d", run.run_id, by="ada")


def with_teardown() -> DagSpec:
    """setup → work → teardown, and a second setup that never begins."""
    upstream = {"make": [], "work": ["make"], "remove": ["make", "work"], "late": ["work"], "undo": ["late"]}
    each = {
        "make": {"is_setup": True},
        "late": {"is_setup": True},
        "remove": {"is_teardown": True, "trigger_rule": "all_done_setup_success"},
        "undo": {"is_teardown": True, "trigger_rule": "all_done_setup_success"},
    }
    return dag_spec("d", upstream, tasks=each)


async def test_teardowns_run_before_a_cancelled_run_ends(engine: HandEngine) -> None:
    run = await engine.run_of(with_teardown())
    await engine.finish("make")
    await engine.start()
    done = await cancel_run(engine.store, "d", run.run_id, by="ada")
    assert done.teardowns == ("remove",)
    await engine.start()
    states = {"make": "success", "work": "failed", "remove": "running", "late": "skipped", "undo": "skipped"}
    assert await engine.states(run) == states
    row = await engine.run_row(run)
    assert (row["state"], row["reason"]) == ("running", "cancelled by ada")
    await engine.finish("remove")
    await engine.settle()
    row = await engine.run_row(run)
    assert (row["state"], row["unfinished"], row["reason"]) == ("failed", 0, "cancelled by ada")


async def test_teardowns_run_before_a_run_that_is_marked_as_failed_ends(engine: HandEngine) -> None:
    run = await engine.run_of(with_teardown())
    await engine.finish("make")
    await engine.start()
    plan = await mark_run(engine.store, "d", run.run_id, RunState.FAILED, by="ada")
    assert [one.found.task_id for one in plan.changes] == ["work", "late", "undo"]
    await engine.start()
    await engine.finish("remove")
    await engine.settle()
    row = await engine.run_row(run)
    assert (row["state"], row["reason"]) == ("failed", "marked as failed by ada")


async def test_a_second_cancel_ends_teardowns_too(engine: HandEngine) -> None:
    run = await engine.run_of(with_teardown())
    await engine.finish("make")
    await engine.start()
    await cancel_run(engine.store, "d", run.run_id, by="ada")
    await engine.start()
    assert (await cancel_run(engine.store, "d", run.run_id, by="bob")) == (1, ())
    row = await engine.run_row(run)
    assert (row["state"], row["unfinished"], row["reason"]) == ("failed", 0, "cancelled by bob")
    assert (await engine.states(run))["remove"] == "failed"


async def test_a_clear_takes_a_cancel_back(engine: HandEngine) -> None:
    run = await engine.run_of(with_teardown())
    await engine.finish("make")
    await engine.start()
    await cancel_run(engine.store, "d", run.run_id, by="ada")
    which_runs = RunChoice(run_ids=frozenset({run.run_id}))
    await clear_tasks(engine.store, "d", which_runs=which_runs, which_tasks=TaskChoice(), by="ada")
    assert (await engine.run_row(run))["reason"] == ""


# --- pause


async def test_pausing_an_unknown_dag(engine: HandEngine) -> None:
    with pytest.raises(NotFound, match="there is no DAG 'd'"):
        await pause_dag(engine.store, "d", True, by="ada")
    assert await rows(engine, log) == []


async def test_pausing_is_in_the_audit_log(engine: HandEngine) -> None:
    await engine.register(dag_spec("d"))
    for paused in (True, False):
        await pause_dag(engine.store, "d", paused, by="ada")
    assert [(one["event"], one["owner"], one["dag_id"]) for one in await rows(engine, log)] == [
        ("pause_dag", "ada", "d"),
        ("unpause_dag", "ada", "d"),
    ]


# --- params


async def test_conf_has_to_be_as_the_params_say(engine: HandEngine) -> None:
    params = {
        "n": ParamSpec({"type": "integer", "minimum": 1}),
        "name": ParamSpec({"type": "string"}, required=True),
    }
    await engine.register(dag_spec("d", params={"n": 1}, param_specs=params))
    for conf, said in (
        ({}, "param 'name': it has no default"),
        ({"name": "x", "n": 0}, "param 'n': 0 is less than the minimum of 1"),
    ):
        with pytest.raises(InvalidArgument, match=f"DAG 'd', {said}"):
            await engine.create("d", conf=conf)
    assert await engine.run_states() == {}
    run = await engine.create("d", conf={"name": "x", "other": [1]})
    assert run.conf == b'{"name": "x", "other": [1]}'
