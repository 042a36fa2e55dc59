"""Events end waits: once, by the lease's token, and all the ways in which a wait can end its task."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bide.control.accept_event import WaitEnding, accept_many, accept_outcome, fail_wait
from bide.control.claim_waits import claim_waits
from bide.model.failed_waits import failure_told
from bide.model.values import decode, encode
from bide.store.schema import resume, xcom
from bide.wire.messages import Outcome
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, event, poll

pytestmark = pytest.mark.usefixtures("no_blocking")


async def waiting(engine: HandEngine, names: str = "a", **each: object) -> dict[str, tuple[str, int]]:
    """Deferred tasks and the leases of their waits, by task id."""
    await engine.run_of(dag_spec("d", {name: [] for name in names}, each=each))
    for name in names:
        await engine.defer(name)
    loads = await claim_waits(engine.store, "s", 100, logs=engine.logs)
    return {load.instance.task_id: (load.wait_id, load.token) for load in loads}


async def test_an_event_is_stored_for_the_resume(engine: HandEngine) -> None:
    lease = (await waiting(engine))["a"]
    assert await accept_outcome(engine.store, *lease, event(b'{"n": 1}'))
    assert await engine.waits() == []
    row = await engine.instance("a")
    assert (row["state"], row["is_resume"], row["scheduled_at"]) == ("scheduled", True, engine.clock.now())
    task = (await engine.start())["a"]
    assert task.resume is not None
    assert (task.resume.method, task.resume.event) == ("done", b'{"n": 1}')


async def test_copies_of_an_event_are_dropped(engine: HandEngine) -> None:
    lease = (await waiting(engine))["a"]
    answers = await asyncio.gather(
        *(accept_outcome(engine.store, *lease, event(str(number).encode())) for number in range(10))
    )
    assert sorted(answers) == [False] * 9 + [True]
    rows = await engine.store.read(lambda tx: tx.conn.execute(sa.select(resume)).all())
    assert len(rows) == 1


async def test_copies_in_one_delivery_are_dropped(engine: HandEngine) -> None:
    wait_id, token = (await waiting(engine))["a"]
    endings = [
        WaitEnding(wait_id, token - 1, event(b"stale")),
        WaitEnding(wait_id, token, event(b"first")),
        WaitEnding(wait_id, token, event(b"copy")),
        WaitEnding(wait_id, token, error="a copy that failed"),
        WaitEnding("unknown", token, event(b"?")),
    ]
    assert await accept_many(engine.store, endings) == {wait_id}
    assert await accept_many(engine.store, endings) == set()
    task = (await engine.start())["a"]
    assert task.resume is not None
    assert task.resume.event == b"first"


async def test_many_waits_end_in_one_delivery_each_in_its_way(engine: HandEngine) -> None:
    leases = await waiting(engine, "abcde")
    outcomes = {
        "a": event(),
        "b": Outcome("success", b"null", xcoms={"k": b"1"}),
        "c": Outcome("failed", b"null"),
        "d": Outcome("skipped", b"null"),
    }
    endings = [WaitEnding(*leases[name], outcome) for name, outcome in outcomes.items()]
    endings.append(WaitEnding(*leases["e"], error="ValueError: no such job"))
    assert await accept_many(engine.store, endings) == {wait_id for wait_id, _ in leases.values()}
    assert await engine.states() == {
        "a": "scheduled",
        "b": "success",
        "c": "failed",
        "d": "skipped",
        "e": "failed",
    }
    assert (await engine.instance("c"))["error"] == "the trigger waiting.Poll ended the task as failed"
    assert (await engine.instance("e"))["error"] == "ValueError: no such job"
    values = await engine.store.read(lambda tx: tx.conn.execute(sa.select(xcom.c.task_id, xcom.c.value)).all())
    assert [tuple(row) for row in values] == [("b", b"1")]
    dates = await engine.store.read(lambda tx: tx.conn.execute(sa.select(xcom.c.execution_date)).scalars().all())
    assert dates != [None], "so that it is found for later dates"


async def test_a_trigger_that_fails_uses_the_retries(engine: HandEngine) -> None:
    lease = (await waiting(engine, retries=1, retry_delay=60.0))["a"]
    assert await fail_wait(engine.store, *lease, "boom")
    assert await engine.states() == {"a": "up_for_retry"}
    assert not await fail_wait(engine.store, *lease, "boom")


async def test_a_trigger_that_fails_skips_a_task_that_fails_softly(engine: HandEngine) -> None:
    lease = (await waiting(engine, soft_fail=True, retries=3))["a"]
    assert await fail_wait(engine.store, *lease, "boom")
    row = await engine.instance("a")
    assert (row["state"], row["error"]) == ("skipped", "boom")


async def told_of(engine: HandEngine) -> tuple[str, object, object]:
    """How the worker of the one resumed task is started: method, kwargs, event."""
    (task,) = (await engine.start()).values()
    assert task.resume is not None
    return task.resume.method, decode(task.resume.kwargs), decode(task.resume.event)


async def test_a_task_that_wants_to_know_goes_on_with_the_error(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"handles_failed_waits": True, "soft_fail": True}))
    await engine.defer("a", poll(), kwargs=encode({"job": 42}, what="kwargs"))
    (load,) = await claim_waits(engine.store, "s", 100, logs=engine.logs)
    assert await fail_wait(engine.store, load.wait_id, load.token, "the trigger broke")
    method, kwargs, told = await told_of(engine)
    assert (method, kwargs) == ("__fail__", {"job": 42})
    assert told == {
        "error": "Trigger failure",
        "message": "the trigger broke",
        "traceback": ["the trigger broke"],
        "method": "done",
    }
    assert await engine.history("a") == [
        *("scheduled", "queued", "running", "deferred"),
        *("scheduled", "queued", "running"),
    ]
    await engine.finish("a")
    assert await engine.states() == {"a": "success"}


async def test_a_task_that_wants_to_know_goes_on_when_its_time_is_over(engine: HandEngine) -> None:
    """In the time that its ``execution_timeout`` leaves; after that it is over at once."""
    await engine.run_of(dag_spec("d", each={"handles_failed_waits": True, "execution_timeout": 5.0}))
    began = engine.clock.now()
    await engine.defer("a", poll(), method=None, timeout=2.0)
    await engine.skip_to_next()
    _, _, told = await told_of(engine)
    assert told == {**failure_told(None, "", timed_out=True), "message": OVER, "traceback": [OVER]}
    assert (await engine.instance("a"))["deadline"] == began + timedelta(seconds=5)
    await engine.defer("a", poll())
    await engine.skip_to_next()
    assert await engine.states() == {"a": "failed"}


OVER = "the deferral's timeout of 2 s is over, waiting for something"


async def test_an_event_rings_for_the_scheduler(engine: HandEngine) -> None:
    lease = (await waiting(engine))["a"]
    scheduled, drops = engine.store.bell.listen("scheduled"), engine.store.bell.listen("drops")
    await accept_outcome(engine.store, *lease, event())
    assert await scheduled.wait(0)
    assert not await drops.wait(0), "its own trigger knows that it has ended"


async def test_an_event_for_a_wait_whose_instance_moved_on(engine: HandEngine) -> None:
    """No such row should be left; if one is, it neither resumes the task nor leaves its XComs."""
    leases = await waiting(engine, "ab")
    await engine.store.write(lambda tx: tx.conn.exec_driver_sql("UPDATE task_instance SET epoch = epoch + 1"))
    outcomes = [
        WaitEnding(*leases["a"], event()),
        WaitEnding(*leases["b"], Outcome("success", b"null", xcoms={"k": b"1"})),
    ]
    assert await accept_many(engine.store, outcomes) == set()
    assert await engine.waits() == []
    assert set((await engine.states()).values()) == {"deferred"}
    assert await engine.store.read(lambda tx: tx.conn.execute(sa.select(xcom)).all()) == []
