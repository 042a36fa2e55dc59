"""Callback URLs: what they are, who may call them, and what becomes of a call."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa

from bide.control.accept_callback import accept_callback
from bide.control.clear_tasks import clear_tasks
from bide.control.mint_callback import GOOD_FOR, PATH
from bide.control.runner_requests import answer
from bide.engine.scheduler.duties.forget_signals import KEPT_AFTER
from bide.model.errors import Gone, NotFound
from bide.model.selection import RunChoice, TaskChoice
from bide.model.values import decode, encode
from bide.store.schema import signal
from bide.wire.kept import (
    CallbackUrl,
    DeleteTaskState,
    GetTaskState,
    MintCallback,
    SetTaskState,
    TaskStateValue,
)
from bide.wire.messages import Finish, Frame, Message, Ok, Refused, RunTask, WaitSpec
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, poll

pytestmark = pytest.mark.usefixtures("no_blocking")

BODY = encode({"ok": True}, what="body")


async def here() -> str:
    return "http://bide.example"


def told(name: str = "default") -> WaitSpec:
    return WaitSpec("signal", "bide.SignalTrigger", b"{}", signal=name, subject=f"signal {name}")


async def mint(engine: HandEngine, task: RunTask, name: str = "default") -> str:
    reply = await answer(engine.store, Frame(MintCallback(name), 1, task.instance.id, task.epoch), address=here)
    assert isinstance(reply, CallbackUrl)
    assert reply.url == f"http://bide.example{PATH}{reply.token}"
    return reply.token


async def running(engine: HandEngine, **fields: object) -> RunTask:
    await engine.run_of(dag_spec("d", **fields))  # type: ignore[arg-type]
    return (await engine.start())["a"]


async def resumed_with(engine: HandEngine) -> object:
    task = (await engine.start())["a"]
    assert task.resume is not None
    return decode(task.resume.event)


async def test_k26_a_call_resumes_the_task_that_waits(engine: HandEngine) -> None:
    """K26: somebody outside can push a deferred task forward."""
    token = await mint(engine, await running(engine))
    await engine.defer("a", told())
    assert await accept_callback(engine.store, token, BODY) == "resumed"
    assert await resumed_with(engine) == {"ok": True}


async def test_k26_a_call_before_the_wait_is_armed_is_kept(engine: HandEngine) -> None:
    """K26: the service may be faster than the task."""
    token = await mint(engine, await running(engine), "done")
    assert await accept_callback(engine.store, token, BODY) == "stored"
    await engine.defer("a", told("done"))
    task = engine.started("a")
    assert task.resume is not None
    assert decode(task.resume.event) == {"ok": True}


async def test_a_repeated_call_changes_nothing(engine: HandEngine) -> None:
    token = await mint(engine, await running(engine))
    await engine.defer("a", told())
    await accept_callback(engine.store, token, BODY)
    assert await accept_callback(engine.store, token, b"2") == "repeated"
    assert await resumed_with(engine) == {"ok": True}
    await engine.defer("a", told())
    assert (await engine.states())["a"] == "deferred", "the second call was not kept either"
    assert await accept_callback(engine.store, token, b"3") == "repeated"


async def test_the_store_knows_the_hash_of_a_token_alone(engine: HandEngine) -> None:
    token = await mint(engine, await running(engine))
    await accept_callback(engine.store, token, BODY)
    rows = await engine.store.read(lambda tx: tx.conn.execute(sa.select(signal)).mappings().all())
    assert [row["token_hash"] for row in rows] == [hashlib.sha256(token.encode()).hexdigest()]
    assert len(token) == 43
    assert token not in repr(rows)


async def test_a_forged_token_is_not_found(engine: HandEngine) -> None:
    token = await mint(engine, await running(engine))
    for forged in ("x", token[:-1], token + "A", hashlib.sha256(token.encode()).hexdigest()):
        with pytest.raises(NotFound):
            await accept_callback(engine.store, forged, BODY)


async def test_a_url_goes_with_its_task(engine: HandEngine) -> None:
    token = await mint(engine, await running(engine))
    await engine.finish("a")
    with pytest.raises(Gone, match="success"):
        await accept_callback(engine.store, token, BODY)


async def test_a_url_that_was_called_answers_the_same_after_the_task(engine: HandEngine) -> None:
    """A service whose first answer was lost asks again."""
    token = await mint(engine, await running(engine))
    await accept_callback(engine.store, token, BODY)
    await engine.finish("a")
    assert await accept_callback(engine.store, token, BODY) == "repeated"


async def test_a_clear_ends_the_urls_of_the_task(engine: HandEngine) -> None:
    task = await running(engine)
    token = await mint(engine, task)
    await engine.defer("a", told())
    await clear_tasks(
        engine.store,
        "d",
        which_runs=RunChoice(run_ids=frozenset({task.run.run_id})),
        which_tasks=TaskChoice(task_ids=frozenset({"a"})),
        by="test",
    )
    with pytest.raises(NotFound):
        await accept_callback(engine.store, token, BODY)


async def test_a_url_lives_for_thirty_days(engine: HandEngine) -> None:
    token = await mint(engine, await running(engine))
    await engine.defer("a", told())
    engine.clock.advance(timedelta(days=30).total_seconds())
    with pytest.raises(Gone, match="expired"):
        await accept_callback(engine.store, token, BODY)


@pytest.mark.parametrize("inner", [True, False])
async def test_a_url_ends_with_the_deadline_of_its_wait(engine: HandEngine, inner: bool) -> None:
    token = await mint(engine, await running(engine))
    part = msgspec.structs.replace(told(), name="told", timeout=50.0 if inner else None)
    tree = WaitSpec("any", "tree", b"{}", needed=1, children=(part, msgspec.structs.replace(poll(), name="seen")))
    await engine.defer("a", tree, timeout=100.0)
    engine.clock.advance(50.0 if inner else 100.0)
    with pytest.raises(Gone, match="expired"):
        await accept_callback(engine.store, token, BODY)


async def test_a_url_ends_with_its_wait_also_if_the_task_is_tried_again(engine: HandEngine) -> None:
    token = await mint(engine, await running(engine, each={"retries": 1, "retry_delay": 60.0}))
    await engine.defer("a", told(), timeout=2.0)
    await engine.skip_to_next()
    assert await engine.states() == {"a": "up_for_retry"}
    with pytest.raises(Gone, match="expired"):
        await accept_callback(engine.store, token, BODY)


async def test_what_expired_long_ago_is_forgotten(engine: HandEngine) -> None:
    """The table follows the work at hand; for a week a caller is told that the URL was there."""
    token = await mint(engine, await running(engine))
    engine.clock.advance(GOOD_FOR.total_seconds() + KEPT_AFTER.total_seconds() - 1)
    assert await engine.settle() is not None
    with pytest.raises(Gone, match="expired"):
        await accept_callback(engine.store, token, BODY)
    await engine.skip_to_next()
    with pytest.raises(NotFound):
        await accept_callback(engine.store, token, BODY)


async def test_a_url_is_good_for_the_later_tries(engine: HandEngine) -> None:
    token = await mint(engine, await running(engine, each={"retries": 1, "retry_delay": 1.0}))
    await engine.finish("a", "failed")
    engine.clock.advance(1.0)
    await engine.defer("a", told())
    assert await accept_callback(engine.store, token, BODY) == "resumed"


async def test_only_a_running_task_gets_a_url(engine: HandEngine) -> None:
    task = await running(engine)
    await engine.defer("a")
    reply = await answer(engine.store, Frame(MintCallback("x"), 1, task.instance.id, task.epoch), address=here)
    assert isinstance(reply, Refused)
    assert reply.fenced


async def test_without_an_address_the_task_is_told(engine: HandEngine) -> None:
    task = await running(engine)
    reply = await engine.ask(task, MintCallback("x"))
    assert isinstance(reply, Refused)
    assert "[api] base_url" in reply.reason
    assert not reply.fenced
    reply = await engine.ask(task, MintCallback("no name"))
    assert isinstance(reply, Refused)


async def test_calls_and_waits_at_the_same_time_do_not_miss_each_other(engine: HandEngine) -> None:
    tasks = {f"t{number}": [] for number in range(20)}
    await engine.run_of(dag_spec("d", tasks, max_active_tasks=100))
    orders = await engine.start()
    tokens = {task_id: await mint(engine, task) for task_id, task in orders.items()}
    await asyncio.gather(
        *(accept_callback(engine.store, tokens[task_id], BODY) for task_id in tasks),
        *(engine.ask(task, deferral(told())) for task in orders.values()),
    )
    assert set((await engine.states()).values()) == {"scheduled"}


async def test_task_state_outlives_a_try(engine: HandEngine) -> None:
    task = await running(engine, each={"retries": 1, "retry_delay": 1.0})
    assert await engine.ask(task, GetTaskState("user", "k")) == TaskStateValue(None)
    assert await engine.ask(task, SetTaskState("user", "k", b"1")) == Ok()
    assert await engine.ask(task, SetTaskState("user", "k", b"2")) == Ok()
    assert await engine.ask(task, SetTaskState("job", "k", b"3")) == Ok()
    await engine.finish("a", "failed")
    reply: Message = await engine.ask(task, GetTaskState("user", "k"))
    assert isinstance(reply, Refused)
    assert reply.fenced, "a worker of an earlier try reads nothing"
    engine.clock.advance(1.0)
    task = (await engine.start())["a"]
    assert await engine.ask(task, GetTaskState("user", "k")) == TaskStateValue(b"2")
    await engine.ask(task, DeleteTaskState("user", "k"))
    await engine.ask(task, SetTaskState("user", "other", b"4"))
    assert await engine.ask(task, GetTaskState("user", "k")) == TaskStateValue(None)
    await engine.ask(task, DeleteTaskState("user"))
    assert await engine.ask(task, GetTaskState("user", "other")) == TaskStateValue(None)
    assert await engine.ask(task, GetTaskState("job", "k")) == TaskStateValue(b"3")
    assert await engine.ask(task, Finish("success")) == Ok()
