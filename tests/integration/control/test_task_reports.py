"""What workers say of their tasks: start, finish, defer, reschedule, XComs; and what comes too late."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bide.control.claims import Claim
from bide.control.defer_task import defer_task, reschedule_task
from bide.control.finish_task import finish_task
from bide.control.lose_task import rescue_lost
from bide.control.runner_requests import REQUESTS, answer
from bide.control.start_tasks import start_tasks
from bide.model.errors import Fenced, InvalidArgument, ProtocolError, StoreUnavailable
from bide.store.schema import resume, xcom
from bide.wire.asset_messages import GetAssetEvents, GetTriggeringEvents
from bide.wire.deadline_messages import SetDeadline
from bide.wire.kept import (
    DeleteAssetState,
    DeleteTaskState,
    GetAssetState,
    GetTaskState,
    MintCallback,
    SetAssetState,
    SetTaskState,
)
from bide.wire.lookups import DeleteVariable, GetConnection, GetVariable, SetVariable
from bide.wire.messages import (
    AskEarlierRun,
    AskInstances,
    AskRuns,
    AskWatch,
    CallbacksDone,
    Defer,
    EarlierRunFound,
    Finish,
    Frame,
    Ok,
    PullMapped,
    PullXCom,
    PushXCom,
    RecordEntries,
    Refused,
    Reschedule,
    RunTask,
    StaleCode,
    StartRun,
    WaitSpec,
    XComs,
    XComValue,
)
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, event, poll, timer

pytestmark = pytest.mark.usefixtures("no_blocking")

REPORTS = [Finish("success", return_value=b"1"), Finish("failed"), deferral(), Reschedule(0.0)]


async def values(engine: HandEngine) -> dict[tuple[str, str], bytes]:
    """All XComs by task id and key."""
    rows = await engine.store.read(
        lambda tx: tx.conn.execute(sa.select(xcom.c.task_id, xcom.c.key, xcom.c.value)).all()
    )
    return {(task_id, key): value for task_id, key, value in rows}


# --- start


async def test_a_worker_gets_all_that_it_needs(engine: HandEngine) -> None:
    spec = dag_spec("d", {"a": [], "b": ["a"]}, each={"retries": 2, "execution_timeout": 60.0})
    run = await engine.run_of(spec, conf={"x": 1})
    task = (await engine.start())["a"]
    assert task.instance == (type(task.instance)((await engine.instance("a"))["uid"], "d", run.run_id, "a", -1))
    assert (task.epoch, task.try_number, task.max_tries) == (1, 1, 2)
    assert (task.dag_file, task.dag_folder) == (spec.file, spec.folder)
    assert task.run.conf == b'{"x": 1}'
    assert task.deadline == task.started_at + 60
    assert (task.resume, task.xcoms) == (None, ())
    assert task.log_path.startswith(str(engine.logs.root))


async def test_a_start_that_is_delivered_twice_happens_once(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.settle()
    (claim,) = engine.executor.queued
    starts = [start_tasks(engine.store, [claim], session="s", logs=engine.logs) for _ in range(3)]
    answers = await asyncio.gather(*starts)
    assert sorted(map(len, answers)) == [0, 0, 1]
    assert await engine.history("a") == ["scheduled", "queued", "running"]


async def test_claims_that_moved_on_are_left_out(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    await engine.settle()
    first, second = engine.executor.queued
    stale = first._replace(epoch=first.epoch - 1)
    unknown = Claim(first.instance.__class__("x", "d", "r", "a"), 0, "/f", "h")
    started = await start_tasks(engine.store, [stale, second, unknown], session="s", logs=engine.logs)
    assert [task.instance.id for task in started] == [second.instance.id]


async def test_xcoms_that_the_arguments_name_come_along(engine: HandEngine) -> None:
    tasks = {"b": {"reads": (("a", "return_value"), ("a", "other"))}}
    await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}, tasks=tasks))
    task = (await engine.start())["a"]
    for key in ("other", "third"):
        await engine.ask(task, PushXCom(key, key.encode()))
    await engine.finish("a", return_value=b"42")
    found = {(one.task_id, one.key): one.value for one in engine.started("b").xcoms}
    assert found == {("a", "return_value"): b"42", ("a", "other"): b"other"}


async def test_a_new_try_forgets_the_xcoms_of_the_last(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"retries": 1, "retry_delay": 0.0}))
    await engine.ask((await engine.start())["a"], PushXCom("k", b"1"))
    await engine.finish("a", "failed")
    assert engine.started("a").try_number == 2
    assert await values(engine) == {}


async def test_a_resumed_segment_keeps_the_xcoms_of_its_try(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"retries": 1, "retry_delay": 0.0}))
    await engine.finish("a", "failed")
    await engine.ask(engine.started("a"), PushXCom("k", b"1"))
    await engine.defer("a", timer(engine.clock.now()))
    assert engine.started("a").resume is not None
    assert await values(engine) == {("a", "k"): b"1"}


# --- finish


async def test_a_return_value_is_stored_with_the_end(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d"))
    assert await engine.finish("a", return_value=b"[1]") == Ok()
    assert await values(engine) == {("a", "return_value"): b"[1]"}
    dates = await engine.store.read(lambda tx: tx.conn.execute(sa.select(xcom.c.execution_date)).scalars().all())
    assert dates == [run.logical_date]


@pytest.mark.parametrize("body", REPORTS, ids=lambda body: type(body).__name__ + getattr(body, "state", ""))
async def test_a_report_counts_once(engine: HandEngine, body: Any) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}))
    task = (await engine.start())["a"]
    assert await engine.ask(task, body) == Ok()
    after = (await engine.instance("a"), await values(engine), len(await engine.waits()))
    for late in REPORTS:
        refused = await engine.ask(task, late)
        assert isinstance(refused, Refused)
        assert refused.fenced
    assert (await engine.instance("a"), await values(engine), len(await engine.waits())) == after


@pytest.mark.parametrize("body", REPORTS, ids=lambda body: type(body).__name__ + getattr(body, "state", ""))
async def test_two_reports_at_the_same_moment_count_once(engine: HandEngine, body: Any) -> None:
    await engine.run_of(dag_spec("d"))
    task = (await engine.start())["a"]
    answers = await asyncio.gather(*(engine.ask(task, body) for _ in range(5)))
    assert sorted(type(one).__name__ for one in answers) == ["Ok"] + ["Refused"] * 4
    assert len(await engine.waits()) == (1 if isinstance(body, Defer) else 0)


@pytest.mark.parametrize("body", REPORTS, ids=lambda body: type(body).__name__ + getattr(body, "state", ""))
async def test_a_late_worker_beside_the_one_that_has_the_task_now(engine: HandEngine, body: Any) -> None:
    """Both speak at the same moment and are written in one go: only the second may be believed."""
    await engine.run_of(dag_spec("d"))
    late = (await engine.start())["a"]
    await engine.lose_engine()
    await rescue_lost(engine.store, engine.session)
    current = (await engine.start())["a"]
    assert current.epoch > late.epoch
    told, believed = await asyncio.gather(engine.ask(late, body), engine.ask(current, current_body(body)))
    assert isinstance(told, Refused)
    assert told.fenced
    assert believed == Ok()
    assert await values(engine) in ({}, {("a", "return_value"): b"new"})
    assert [row["method"] for row in await engine.waits()] in ([], ["new"])


def current_body(body: Any) -> Any:
    """What the worker that has the task says: the same kind of report, told apart."""
    if isinstance(body, Finish):
        return Finish("success", return_value=b"new")
    return deferral(method="new") if isinstance(body, Defer) else Reschedule(5.0)


async def test_reports_on_nobody(engine: HandEngine) -> None:
    for report in (
        finish_task(engine.store, "x", 1, Finish("success")),
        defer_task(engine.store, "x", 1, deferral()),
    ):
        with pytest.raises(Fenced, match="moved on from epoch 1"):
            await report
    with pytest.raises(Fenced):
        await reschedule_task(engine.store, "x", 1, Reschedule(5.0))


async def test_many_reports_of_one_moment(engine: HandEngine) -> None:
    names = [f"t{number:03}" for number in range(100)]
    await engine.run_of(dag_spec("d", {name: [] for name in names}, max_active_tasks=1_000))
    tasks = await engine.start()
    bodies = {
        name: (Finish("success", return_value=name.encode()), Finish("failed", error=name), deferral(method=name))[
            number % 3
        ]
        for number, name in enumerate(names)
    }
    answers = await asyncio.gather(*(engine.ask(tasks[name], body) for name, body in bodies.items()))
    assert set(answers) == {Ok()}
    states = await engine.states()
    for number, name in enumerate(names):
        assert states[name] == ("success", "failed", "deferred")[number % 3]
    assert {row["method"] for row in await engine.waits()} == set(names[2::3])
    assert (await values(engine)) == {(name, "return_value"): name.encode() for name in names[0::3]}


async def test_a_skip_of_tasks_that_do_not_exist(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}))
    assert await engine.finish("a", skip=("nowhere",)) == Ok()
    assert await engine.states() == {"a": "success", "b": "running"}


# --- defer


async def test_a_deferral_is_a_row(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d"))
    wait = poll(has_on_kill=True)
    await engine.defer("a", wait, method="go_on", kwargs=b'{"n":1}', timeout=60.0)
    (row,) = await engine.waits()
    instance = await engine.instance("a")
    assert (row["instance_uid"], row["run_uid"], row["epoch"]) == (instance["uid"], run.uid, instance["epoch"])
    assert (row["kind"], row["classpath"], row["kwargs"]) == ("poll", "waiting.Poll", b"{}")
    assert (row["method"], row["resume_kwargs"], row["has_on_kill"]) == ("go_on", b'{"n":1}', True)
    assert (row["interval"], row["subject"], row["token"], row["session"]) == (5.0, "something", 0, None)
    assert row["deadline"] == row["armed_at"] + timedelta(seconds=60)


@pytest.mark.parametrize("missing", ["due_at", "outcome"])
async def test_a_timer_that_would_never_fire_is_refused(engine: HandEngine, missing: str) -> None:
    await engine.run_of(dag_spec("d"))
    fields: dict[str, Any] = {"due_at": 5.0, "outcome": event()}
    del fields[missing]
    task = (await engine.start())["a"]
    reply = await engine.ask(task, Defer(WaitSpec("timer", "my.Timer", b"{}", **fields), "m", b"{}"))
    assert reply == Refused("a timer needs a moment and an outcome: my.Timer gave none")
    assert await engine.states() == {"a": "running"}
    with pytest.raises(InvalidArgument):
        await defer_task(engine.store, task.instance.id, task.epoch, Defer(WaitSpec("timer", "t", b""), "m", b""))


async def test_deferring_again_replaces_where_it_goes_on(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.defer("a", timer(engine.clock.now()), method="first")
    await engine.defer("a", timer(engine.clock.now()), method="second")
    task = engine.started("a")
    assert task.resume is not None
    assert task.resume.method == "second"
    await engine.finish("a")
    assert await engine.store.read(lambda tx: tx.conn.execute(sa.select(resume)).all()) == []


# --- XComs


async def pull(engine: HandEngine, task: RunTask, *task_ids: str, key: str = "k", **fields: Any) -> list[bytes]:
    reply = await engine.ask(task, PullXCom(task_ids, key, **fields))
    assert isinstance(reply, XComs)
    return [one.value for one in reply.values]


async def test_xcoms_come_in_the_order_asked_for(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": [], "c": []}))
    tasks = await engine.start()
    for task_id in "abc":
        await engine.ask(tasks[task_id], PushXCom("k", task_id.encode()))
    assert await pull(engine, tasks["a"], "c", "none", "a") == [b"c", b"a"]
    assert await pull(engine, tasks["a"], "c", key="other") == []
    assert await pull(engine, tasks["a"], "a", "b", map_indexes=(3,)) == []
    reply = await engine.ask(tasks["a"], PullXCom(("b",), "k"))
    assert reply == XComs((XComValue("b", -1, "k", b"b"),))


async def test_the_last_value_of_a_key_counts(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    task = (await engine.start())["a"]
    for value in (b"1", b"2"):
        assert await engine.ask(task, PushXCom("k", value)) == Ok()
    assert await values(engine) == {("a", "k"): b"2"}


async def test_xcoms_of_another_run_and_another_dag(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("other"), run_id="r1")
    await engine.ask((await engine.start())["a"], PushXCom("k", b"other"))
    await engine.finish("a")
    await engine.run_of(dag_spec("d", {"b": []}), run_id="r2")
    task = (await engine.start())["b"]
    assert await pull(engine, task, "a") == []
    assert await pull(engine, task, "a", dag_id="other") == []
    assert await pull(engine, task, "a", dag_id="other", run_id="r1") == [b"other"]


async def test_prior_dates_find_the_newest_earlier_value(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", {"a": [], "b": ["a"]}))
    logical = engine.clock.now()
    for days, value in ((3, b"oldest"), (2, b"newer"), (-1, b"of the future")):
        await engine.create("d", run_id=f"r{days}", logical_date=logical - timedelta(days=days))
        await engine.finish("a", return_value=value)
        await engine.finish("b")
    await engine.create("d", run_id="now", logical_date=logical)
    await engine.finish("a")  # leaves nothing
    task = engine.started("b")
    assert await pull(engine, task, "a", key="return_value") == []
    assert await pull(engine, task, "a", key="return_value", include_prior_dates=True) == [b"newer"]


async def test_the_own_run_comes_before_prior_dates(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", {"a": [], "b": ["a"]}))
    for value in (b"before", b"now"):
        await engine.create("d")
        await engine.finish("a", return_value=value)
        if value == b"before":
            await engine.finish("b")
    task = engine.started("b")
    assert await pull(engine, task, "a", key="return_value", include_prior_dates=True) == [b"now"]


@pytest.mark.parametrize("body", [PushXCom("k", b"late"), PullXCom(("a",), "k")])
async def test_who_has_lost_its_task_neither_pushes_nor_pulls(engine: HandEngine, body: Any) -> None:
    await engine.run_of(dag_spec("d"))
    task = (await engine.start())["a"]
    await engine.ask(task, Finish("success"))
    refused = await engine.ask(task, body)
    assert isinstance(refused, Refused)
    assert refused.fenced
    assert await values(engine) == {}


# --- earlier runs


async def test_the_run_before_and_the_last_good_one(engine: HandEngine) -> None:
    await engine.register(dag_spec("d"))
    for day, end in ((1, "success"), (2, "failed"), (4, "success")):
        await engine.create(
            "d", run_id=f"day{day}", logical_date=datetime(2026, 1, day, tzinfo=UTC), conf={"n": day}
        )
        await engine.finish("a", end)
        await engine.settle()
    await engine.create("d", run_id="day3", logical_date=datetime(2026, 1, 3, tzinfo=UTC))
    task = (await engine.start())["a"]
    found = [await engine.ask(task, AskEarlierRun(state)) for state in (None, "success", "queued")]
    runs = [one.found for one in found if isinstance(one, EarlierRunFound)]
    assert [one and (one.run.run_id, one.state, one.run.conf) for one in runs] == [
        ("day2", "failed", b'{"n": 2}'),
        ("day1", "success", b'{"n": 1}'),
        None,
    ]
    assert runs[0] is not None and runs[0].end_date is not None


# --- the table of requests


async def test_what_a_worker_can_not_ask_for(engine: HandEngine) -> None:
    with pytest.raises(ProtocolError, match="can't ask for StaleCode"):
        await answer(engine.store, Frame(StaleCode("x"), 1, "i", 1))


def test_the_requests_of_workers() -> None:
    own = {
        Finish,
        Defer,
        Reschedule,
        PushXCom,
        PullXCom,
        RecordEntries,
        CallbacksDone,
        StartRun,
        AskWatch,
        PullMapped,
        SetDeadline,
        GetAssetEvents,
        GetTriggeringEvents,
        AskEarlierRun,
        AskRuns,
        AskInstances,
    }
    kept = {MintCallback, GetTaskState, SetTaskState, DeleteTaskState}
    kept |= {GetAssetState, SetAssetState, DeleteAssetState}
    assert set(REQUESTS) == own | kept | {GetConnection, GetVariable, SetVariable, DeleteVariable}


async def test_a_result_is_kept_until_the_store_takes_it(
    engine: HandEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.run_of(dag_spec("d"))
    task = (await engine.start())["a"]
    failures = [StoreUnavailable("the disk is full") for _ in range(8)]
    pauses: list[float] = []
    write, sleep = engine.store.write_together, asyncio.sleep

    async def unavailable(work: Any, item: Any) -> Any:
        if failures:
            raise failures.pop()
        return await write(work, item)

    async def short(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(engine.store, "write_together", unavailable)
    monkeypatch.setattr(asyncio, "sleep", short)
    assert await engine.ask(task, Finish("success", return_value=b"1")) == Ok()
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert await values(engine) == {("a", "return_value"): b"1"}
