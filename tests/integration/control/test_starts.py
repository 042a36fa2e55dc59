"""Tasks that start from their trigger: deferred without a worker, and every way in which that can go wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bide.control.accept_event import accept_outcome, fail_wait
from bide.control.arm_starts import ArmedStart, arm_start, claim_starts
from bide.control.cancel_external import claim_obligations, settle_obligation
from bide.control.cancel_run import cancel_run
from bide.control.claim_waits import held_waits, release_waits, take_over_waits
from bide.control.runner_requests import answer_waiting
from bide.model.errors import Fenced, InvalidArgument
from bide.wire.messages import Finish, Frame, Outcome, PullXCom, PushXCom, Refused, StartLoad, WaitSpec, XComs
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, event, poll, timer

pytestmark = pytest.mark.usefixtures("no_blocking")

STARTS: dict[str, Any] = {"starts_from_trigger": True}


async def starts(engine: HandEngine) -> list[StartLoad]:
    await engine.settle()
    return await claim_starts(engine.store, engine.session, 10, logs=engine.logs)


async def the_start(engine: HandEngine) -> StartLoad:
    (start,) = await starts(engine)
    return start


async def arm(engine: HandEngine, start: StartLoad, wait: WaitSpec) -> None:
    await arm_start(engine.store, ArmedStart(start.wait_id, start.token, deferral(wait, timeout=60.0)))


async def test_it_is_deferred_and_goes_on_in_a_worker(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=STARTS))
    start = await the_start(engine)
    row = await engine.instance("a")
    assert (row["state"], row["try_number"], row["start_date"]) == ("deferred", 1, engine.clock.now())
    assert (start.order.instance.task_id, start.order.epoch) == ("a", row["epoch"])
    await arm(engine, start, timer(engine.clock.now() + timedelta(seconds=5)))
    (waiting,) = await engine.waits()
    assert (waiting["kind"], waiting["method"], waiting["epoch"]) == ("timer", "done", row["epoch"])
    engine.clock.advance(5)
    await engine.start()
    resumed = engine.started("a")
    assert resumed.resume is not None and resumed.resume.method == "done"
    assert resumed.started_at == row["start_date"].timestamp()
    await engine.end(resumed)
    assert await engine.history("a") == ["deferred", "scheduled", "queued", "running", "success"]


async def test_a_task_behind_others_starts_when_they_have_ended(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}, tasks={"b": STARTS}))
    assert await starts(engine) == []
    await engine.finish("a", return_value=b"[1]")
    start = await the_start(engine)
    assert start.order.instance.task_id == "b"
    question = PullXCom(("a",), "return_value")
    found = await answer_waiting(engine.store, Frame(question, 1, start.order.instance.id, start.order.epoch))
    assert isinstance(found, XComs) and [one.value for one in found.values] == [b"[1]"]


async def test_what_is_asked_for_it_is_only_answered_while_it_waits(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=STARTS))
    order = (await the_start(engine)).order
    pushed = await answer_waiting(engine.store, Frame(PushXCom("k", b"1"), 1, order.instance.id, order.epoch))
    assert isinstance(pushed, Refused) and not pushed.fenced
    late = Frame(PullXCom(("a",), "k"), 1, order.instance.id, order.epoch - 1)
    refused = await answer_waiting(engine.store, late)
    assert isinstance(refused, Refused) and refused.fenced


async def test_a_failure_costs_a_try_and_the_next_one_starts_the_same_way(engine: HandEngine) -> None:
    each = {**STARTS, "retries": 1, "retry_delay": 60.0}
    await engine.run_of(dag_spec("d", each=each))
    start = await the_start(engine)
    assert await fail_wait(engine.store, start.wait_id, start.token, "KeyError: 'path'")
    row = await engine.instance("a")
    assert (row["state"], row["error"]) == ("up_for_retry", "KeyError: 'path'")
    await engine.skip_to_next()
    again = await the_start(engine)
    assert (again.order.try_number, again.order.started_at) == (2, engine.clock.now().timestamp())
    assert await fail_wait(engine.store, again.wait_id, again.token, "KeyError: 'path'")
    assert await engine.history("a") == ["deferred", "up_for_retry", "deferred", "failed"]


async def test_soft_fail_is_for_waits_and_not_for_a_wait_that_could_not_be_made(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={**STARTS, "soft_fail": True}))
    start = await the_start(engine)
    await fail_wait(engine.store, start.wait_id, start.token, "no such class")
    assert await engine.states() == {"a": "failed"}


async def test_the_execution_timeout_counts_from_the_deferral(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={**STARTS, "execution_timeout": 3.0}))
    start = await the_start(engine)
    await arm(engine, start, poll())
    assert await engine.settle() == engine.clock.now() + timedelta(seconds=3)
    engine.clock.advance(3)
    await engine.settle()
    assert await engine.states() == {"a": "failed"}
    assert await engine.waits() == []


async def test_a_start_has_one_holder_and_is_armed_once(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=STARTS))
    start = await the_start(engine)
    assert await starts(engine) == []
    assert await held_waits(engine.store, engine.session) == {start.wait_id}
    await release_waits(engine.store, engine.session)
    second = await the_start(engine)
    assert (second.wait_id, second.token) == (start.wait_id, start.token + 2)
    with pytest.raises(Fenced):
        await arm(engine, start, poll())
    await arm(engine, second, poll())
    with pytest.raises(Fenced):
        await arm(engine, second, poll())
    assert [row["kind"] for row in await engine.waits()] == ["poll"]


async def test_the_next_engine_takes_over_what_was_being_made(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=STARTS))
    start = await the_start(engine)
    await engine.lose_engine()
    await take_over_waits(engine.store, engine.session)
    again = await the_start(engine)
    with pytest.raises(Fenced):
        await arm(engine, start, poll())
    await arm(engine, again, poll())
    assert await engine.states() == {"a": "deferred"}


async def test_a_timer_without_a_moment_is_refused(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=STARTS))
    start = await the_start(engine)
    with pytest.raises(InvalidArgument, match="a timer needs a moment"):
        await arm(engine, start, WaitSpec("timer", "waiting.Timer", b"{}"))


async def test_a_cancelled_run_takes_its_starts_with_it(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", each=STARTS))
    start = await the_start(engine)
    await cancel_run(engine.store, run.dag_id, run.run_id, by="ann")
    with pytest.raises(Fenced):
        await arm(engine, start, poll())
    assert await engine.states() == {"a": "failed"}


async def test_it_may_end_from_its_trigger_too(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}, tasks={"a": STARTS}))
    start = await the_start(engine)
    ending = Outcome("success", b"null", xcoms={"k": b"1"})
    wait = timer(engine.clock.now(), ending)
    await arm_start(engine.store, ArmedStart(start.wait_id, start.token, deferral(wait, method=None)))
    await engine.start()
    assert await engine.states(run) == {"a": "success", "b": "running"}
    assert await engine.history("a") == ["deferred", "success"]


async def test_a_poll_of_it_is_like_any_other(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=STARTS))
    await arm(engine, await the_start(engine), poll())
    (waiting,) = await engine.waits()
    assert await accept_outcome(engine.store, waiting["uid"], waiting["token"], event())
    await engine.start()
    assert await engine.end(engine.started("a")) is not None
    assert await engine.states() == {"a": "success"}


async def test_a_resumed_segment_that_defers_again_waits_as_usual(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each=STARTS))
    await arm(engine, await the_start(engine), timer(engine.clock.now()))
    await engine.start()
    await engine.defer("a", timer(engine.clock.now()))
    await engine.start()
    await engine.ask(engine.started("a"), Finish("success"))
    wait = ["deferred", "scheduled", "queued", "running"]
    assert await engine.history("a") == [*wait, *wait, "success"]


async def test_it_does_not_start_before_what_an_earlier_try_left_outside_is_cancelled(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={**STARTS, "retries": 1, "retry_delay": 1.0}))
    start = await the_start(engine)
    await arm_start(
        engine.store, ArmedStart(start.wait_id, start.token, deferral(poll(has_on_kill=True), timeout=5.0))
    )
    engine.clock.advance(5)
    await engine.skip_to_next()
    assert await engine.states() == {"a": "deferred"}
    assert await starts(engine) == []
    (order,) = await claim_obligations(engine.store, engine.session, 1, logs=engine.logs)
    await settle_obligation(engine.store, engine.session, order)
    assert (await the_start(engine)).order.try_number == 2
