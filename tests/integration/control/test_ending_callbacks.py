"""What is written down to be called at each ending, and who calls it, whatever dies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bide.control.accept_event import accept_outcome, fail_wait
from bide.control.cancel_run import cancel_run
from bide.control.claim_waits import claim_waits
from bide.control.ending_callbacks import (
    claim_callbacks,
    give_back_callbacks,
    pending_callbacks,
    postpone_callbacks,
    settle_callbacks,
    take_over_callbacks,
)
from bide.control.keep_session import end_session, keep_session
from bide.control.lose_task import lose_task
from bide.control.mark_tasks import mark_tasks
from bide.model.errors import SessionLost
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import TaskState
from bide.store import Store, callback_requests, sessions
from bide.store.schema import callback_request
from bide.wire.callback_messages import RunCallbacks
from bide.wire.messages import CallbacksDone, Finish, Ok, Outcome, PushXCom, Refused
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, poll
from tests.support.stores import ON_POSTGRESQL

pytestmark = pytest.mark.usefixtures("no_blocking")

ALL = ("success", "failure", "retry", "skipped")
#: A task with a callback for each ending.
CALLS: dict[str, Any] = {"callbacks": ALL}


async def requests(engine: HandEngine) -> list[tuple[str, str, str]]:
    """What is to be called: event, state before, error."""
    c = callback_request.c
    query = sa.select(c.event, c.previous_state, c.error).order_by(c.ended_at, c.uid)
    return [tuple(row) for row in await engine.store.read(lambda tx: tx.conn.execute(query).all())]


async def claim(engine: HandEngine, session: str | None = None) -> list[RunCallbacks]:
    return await claim_callbacks(engine.store, session or engine.session, 10, logs=engine.logs)


async def wait_ended(engine: HandEngine, outcome: Outcome | None, error: str = "") -> None:
    """A trigger of the one wait ends it."""
    ((wait_id, token),) = [
        (load.wait_id, load.token) for load in await claim_waits(engine.store, "s", 10, logs=engine.logs)
    ]
    if outcome is None:
        assert await fail_wait(engine.store, wait_id, token, error)
    else:
        assert await accept_outcome(engine.store, wait_id, token, outcome)


@pytest.mark.parametrize(
    ("outcome", "wanted"),
    [
        (Outcome("success", b"null"), ("success", "deferred", "")),
        (Outcome("skipped", b"null"), ("skipped", "deferred", "")),
        (Outcome("failed", b"null"), ("failure", "deferred", "the trigger waiting.Poll ended the task as failed")),
        (None, ("failure", "deferred", "it broke")),
    ],
)
async def test_what_a_trigger_ends_asks_for_callbacks(
    engine: HandEngine, outcome: Outcome | None, wanted: tuple[str, str, str]
) -> None:
    await engine.run_of(dag_spec("d", each=CALLS))
    await engine.defer("a", poll(), method=None)
    await wait_ended(engine, outcome, "it broke")
    assert await requests(engine) == [wanted]


async def test_a_try_that_another_follows_asks_for_retry(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={**CALLS, "retries": 1}))
    await engine.defer("a", poll())
    await wait_ended(engine, None, "it broke")
    assert await requests(engine) == [("retry", "deferred", "it broke")]


async def test_a_soft_failure_asks_for_skipped(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={**CALLS, "soft_fail": True}))
    await engine.defer("a", poll())
    await wait_ended(engine, None, "it broke")
    assert [event for event, _, _ in await requests(engine)] == ["skipped"]


async def test_a_deadline_asks_for_callbacks(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=CALLS))
    await engine.defer("a", poll(), timeout=5.0)
    await engine.skip_to_next()
    ((event, previous, error),) = await requests(engine)
    assert (event, previous) == ("failure", "deferred")
    assert "5 s" in error


async def test_a_dead_worker_asks_for_callbacks(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=CALLS))
    (task,) = (await engine.start()).values()
    await lose_task(engine.store, task.instance.id, task.epoch, error="the worker died")
    assert await requests(engine) == [("failure", "running", "the worker died")]


@pytest.mark.parametrize(
    ("state", "wanted"), [("success", "success"), ("failed", "failure"), ("skipped", "skipped")]
)
async def test_a_mark_asks_for_callbacks(engine: HandEngine, state: str, wanted: str) -> None:
    """Only of what had begun: what is marked before it did has no end to tell of."""
    run = await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}, each=CALLS))
    await engine.defer("a", poll())
    await mark_tasks(
        engine.store,
        "d",
        which_runs=RunChoice(frozenset({run.run_id})),
        which_tasks=TaskChoice(task_ids=frozenset({"a", "b"})),
        state=TaskState(state),
        by="ada",
    )
    assert [event for event, _, _ in await requests(engine)] == [wanted]


async def test_a_cancelled_run_asks_for_callbacks(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", each=CALLS, callbacks=("failure",)))
    await engine.defer("a", poll())
    await cancel_run(engine.store, "d", run.run_id, by="ada")
    assert sorted(event for event, _, _ in await requests(engine)) == ["failure", "run_failure"]


async def test_what_asks_for_nothing_leaves_no_row(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.defer("a", poll())
    await wait_ended(engine, Outcome("success", b"null"))
    await engine.settle()
    assert await requests(engine) == []


async def test_listeners_hear_of_all_tasks_and_runs(engine: HandEngine) -> None:
    hooks = ("on_task_instance_success", "on_dag_run_running", "on_dag_run_success")
    await engine.run_of(dag_spec("d", listeners=hooks))
    await engine.defer("a", poll())
    await wait_ended(engine, Outcome("success", b"null"))
    await engine.settle()
    assert [event for event, _, _ in await requests(engine)] == ["run_running", "success", "run_success"]


async def test_a_worker_calls_what_its_own_end_asks_for(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=CALLS))
    (task,) = (await engine.start()).values()
    assert isinstance(await engine.ask(task, Finish("success", calls=True)), Ok)
    assert [event for event, _, _ in await requests(engine)] == ["success"]
    assert await claim(engine) == [], "its worker has it"
    assert isinstance(await engine.ask(task, PushXCom("told", b"1")), Ok), "callbacks may leave XComs"
    assert isinstance(await engine.ask(task, CallbacksDone()), Ok)
    assert await requests(engine) == []
    assert isinstance(await engine.ask(task, PushXCom("told", b"2")), Refused)


async def failures(engine: HandEngine, uid: str) -> list[str]:
    found = await engine.store.read(lambda tx: callback_requests.list_failures(tx, [uid]))
    return found.get(uid, [])


async def test_callbacks_that_failed_are_kept(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={**CALLS, "retries": 1, "retry_delay": 1.0}))
    (task,) = (await engine.start()).values()
    await engine.ask(task, Finish("failed", calls=True))
    await engine.ask(task, CallbacksDone(failures=("on_retry_callback a failed: ValueError: x", "listener failed")))
    uid = task.instance.id
    assert await failures(engine, uid) == ["on_retry_callback a failed: ValueError: x", "listener failed"]
    # One that comes again, or too late, leaves no second line.
    await engine.ask(task, CallbacksDone(failures=("listener failed",)))
    assert len(await failures(engine, uid)) == 2


async def test_callbacks_that_failed_elsewhere_are_kept_too(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=CALLS))
    await engine.defer("a", poll())
    await wait_ended(engine, Outcome("failed", b"null"))
    orders = await claim(engine)
    order = next(one for one in orders if one.event == "failure")
    await settle_callbacks(engine.store, order.request_id, ["it failed"])
    await settle_callbacks(engine.store, order.request_id, ["it failed"])
    assert await failures(engine, order.order.instance.id) == ["it failed"]


async def test_what_a_dead_worker_has_not_called_is_called_by_another_process(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", each=CALLS))
    (task,) = (await engine.start()).values()
    await engine.ask(task, Finish("failed", error="it broke", calls=True))
    await give_back_callbacks(engine.store, task.instance.id, task.epoch)
    (order,) = await claim(engine)
    assert (order.event, order.attempt, order.order.epoch) == ("failure", 2, task.epoch)
    assert await pending_callbacks(engine.store, run.uid) == 1
    await settle_callbacks(engine.store, order.request_id)
    assert await pending_callbacks(engine.store, run.uid) == 0


async def test_another_attempt_waits_longer_each_time(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=CALLS))
    (task,) = (await engine.start()).values()
    await lose_task(engine.store, task.instance.id, task.epoch, error="the worker died")
    for attempt, pause in enumerate((1, 2), 1):
        (order,) = await claim(engine)
        assert order.attempt == attempt
        await postpone_callbacks(engine.store, order.request_id, order.attempt)
        engine.clock.advance(pause - 0.01)
        assert await claim(engine) == []
        engine.clock.move_to(engine.clock.now() + timedelta(seconds=0.01))
    assert len(await claim(engine)) == 1


async def test_callbacks_of_an_earlier_try_tell_of_that_try(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={**CALLS, "retries": 1, "retry_delay": 0.0}))
    (task,) = (await engine.start()).values()
    await lose_task(engine.store, task.instance.id, task.epoch, error="the worker died")
    engine.executor.started.clear()
    (again,) = (await engine.start()).values()
    assert again.try_number == 2
    (order,) = await claim(engine)
    assert (order.event, order.order.try_number, order.order.epoch) == ("retry", 1, task.epoch)


# --- engines that are gone


async def test_the_next_engine_of_a_store_takes_over(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=CALLS))
    (task,) = (await engine.start()).values()
    await engine.ask(task, Finish("success", calls=True))
    await engine.lose_engine()
    assert await claim(engine) == []
    assert await take_over_callbacks(engine.store, engine.session) == 1
    assert len(await claim(engine)) == 1


async def begin(store: Store) -> str:
    return await store.write(lambda tx: sessions.begin(tx, kind="engine", hostname="here", pid=1, lost_after=4.2))


@pytest.mark.parametrize("is_kind", [False, True])
async def test_callbacks_of_a_lost_session_pass_to_the_living(engine: HandEngine, is_kind: bool) -> None:
    engine.session, other = await begin(engine.store), await begin(engine.store)
    await engine.run_of(dag_spec("d", {"a": [], "b": []}, each=CALLS))
    tasks = await engine.start()
    await engine.ask(tasks["a"], Finish("success", calls=True))
    await lose_task(engine.store, tasks["b"].instance.id, tasks["b"].epoch, error="the worker died")
    assert len(await claim(engine)) == 1
    assert await claim(engine, other) == []
    if is_kind:
        await end_session(engine.store, engine.session)
    else:
        engine.clock.advance(4.3)
        await keep_session(engine.store, other, patient=lambda: False)
    assert {order.event for order in await claim(engine, other)} == {"success", "failure"}


@ON_POSTGRESQL
async def test_a_session_that_is_over_calls_nothing(engine: HandEngine) -> None:
    one = await begin(engine.store)
    await end_session(engine.store, one)
    with pytest.raises(SessionLost):
        await claim(engine, one)
