"""How cancelling external work fails elsewhere, and does not here; K01 and the like are names of such failures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bide.control.accept_event import accept_outcome
from bide.control.cancel_external import claim_obligations, next_obligation, settle_obligation
from bide.control.cancel_run import cancel_run
from bide.control.clear_tasks import clear_tasks
from bide.control.mark_run import mark_run
from bide.control.mark_tasks import mark_tasks
from bide.control.release_tasks import release_tasks
from bide.model.errors import Conflict, NotFound
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import RunState, TaskState
from bide.store.holds import HoldView, list_holds
from bide.store.runs import RunRow
from bide.store.schema import cancel_obligation
from bide.wire.messages import Finish, Refused, Reschedule
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, event, poll

pytestmark = pytest.mark.usefixtures("no_blocking")


async def waiting(engine: HandEngine, **fields: Any) -> RunRow:
    """A run whose task ``a`` waits for work outside."""
    run = await engine.run_of(dag_spec("d", {"a": []}, each=fields))
    await engine.defer("a", poll(has_on_kill=True), timeout=3600.0)
    return run


async def obligations(engine: HandEngine) -> list[sa.RowMapping]:
    query = sa.select(cancel_obligation)
    return await engine.store.read(lambda tx: list(tx.conn.execute(query).mappings()))


async def clear(engine: HandEngine, run: RunRow) -> None:
    which = RunChoice(run_ids=frozenset({run.run_id}))
    await clear_tasks(engine.store, "d", which_runs=which, which_tasks=TaskChoice(), by="ada")


async def cancel(engine: HandEngine, error: str = "") -> None:
    """Carry out the one cancel that is due, as a triggerer does."""
    (one,) = await claim_obligations(engine.store, engine.session, 5, logs=engine.logs)
    await settle_obligation(engine.store, engine.session, one, error)


async def give_up(engine: HandEngine) -> None:
    """Fail every attempt until there is none any more."""
    while (due := await next_obligation(engine.store)) is not None:
        engine.clock.move_to(max(due, engine.clock.now()))
        await cancel(engine, "503 try later")


async def hold_of(engine: HandEngine) -> HoldView | None:
    uid = (await engine.instance("a"))["uid"]
    return (await engine.store.read(lambda tx: list_holds(tx, [uid]))).get(uid)


async def end_by(engine: HandEngine, run: RunRow, how: str) -> None:
    """End the try of the waiting task, and see to it that there is another one."""
    if how == "clear":
        await clear(engine, run)
        return
    if how == "mark":
        which = {"which_runs": RunChoice(), "which_tasks": TaskChoice(), "by": "ada"}
        await mark_tasks(engine.store, "d", state=TaskState.SUCCESS, **which)  # type: ignore[arg-type]
    elif how == "mark the run":
        await mark_run(engine.store, "d", run.run_id, RunState.SUCCESS, by="ada")
    elif how == "cancel the run":
        await cancel_run(engine.store, "d", run.run_id, by="ada")
    else:
        engine.clock.advance(3600.0)
        await engine.settle()
        assert (await engine.history("a"))[-2:] == ["up_for_retry", "scheduled"]
        return
    await clear(engine, run)


HOWS = ["clear", "mark", "mark the run", "cancel the run", "deferral timeout", "execution timeout"]


@pytest.mark.parametrize("how", HOWS)
async def test_k01_the_next_try_waits_until_the_work_of_the_last_is_cancelled(engine: HandEngine, how: str) -> None:
    """K01: the cancel is stored with what ends the wait, and comes before the next try, whatever dies meanwhile."""
    limit = {"execution_timeout": 1800.0} if how == "execution timeout" else {}
    run = await waiting(engine, retries=1, retry_delay=0.0, **limit)
    first = await engine.instance("a")
    await end_by(engine, run, how)
    (one,) = await obligations(engine)
    assert (one["state"], one["holds"], one["instance_uid"]) == ("pending", True, first["uid"])
    assert await engine.waits() == []
    await engine.settle()
    await engine.lose_engine()
    assert await engine.start() == {}, "not before it is cancelled, also not by another engine"
    assert (await engine.instance("a"))["state"] == "scheduled"
    await cancel(engine)
    assert [task.try_number for task in (await engine.start()).values()] == [2]
    assert (await engine.instance("a"))["epoch"] > first["epoch"]


async def test_k01_others_go_on_meanwhile(engine: HandEngine) -> None:
    """K01: what is held takes no slot and stands in nobody's way."""
    engine.executor.slots = 1
    run = await engine.run_of(dag_spec("d", {"a": []}, each={"priority_weight": 100}))
    await engine.defer("a", poll(has_on_kill=True))
    await clear(engine, run)
    other = await engine.run_of(dag_spec("e", {"b": []}))
    assert list(await engine.start()) == ["b"]
    assert await engine.states(other) == {"b": "running"}
    assert await engine.states(run) == {"a": "scheduled"}


async def test_k01_a_resume_is_held_by_nothing(engine: HandEngine) -> None:
    """K01: what goes on after a wait is the same try; an old cancel that was released does not stop it."""
    run = await waiting(engine)
    await clear(engine, run)
    await release_tasks(engine.store, "d", run.run_id, "a", by="ada")
    await engine.defer("a", poll(has_on_kill=True))
    (row,) = await engine.waits()
    assert await accept_outcome(engine.store, row["uid"], row["token"], event())
    assert list(await engine.start()) == ["a"]


async def test_k01_a_cancel_that_fails_is_tried_again_then_held_then_released(engine: HandEngine) -> None:
    """K01: a cancel that failed is visible, and nothing goes on over it unless somebody says so."""
    run = await waiting(engine)
    begun = engine.clock.now()
    await clear(engine, run)
    await engine.settle()
    hold = await hold_of(engine)
    assert hold is not None
    assert hold.reason == "its work outside is being cancelled by waiting.Poll"
    await cancel(engine, "503 try later")
    await engine.settle()
    assert await engine.start() == {}
    await give_up(engine)
    assert timedelta(minutes=9) < engine.clock.now() - begun <= timedelta(minutes=10)
    assert await engine.start() == {}
    hold = await hold_of(engine)
    assert hold is not None
    assert hold.reason == (
        "held, since its work outside could not be cancelled by waiting.Poll: 503 try later; "
        "`bide tasks release` lets it go on"
    )
    scheduled = engine.store.bell.listen("scheduled")
    assert await release_tasks(engine.store, "d", run.run_id, by="ada") == ["a"]
    assert await scheduled.wait(0), "the scheduler is told"
    assert await hold_of(engine) is None
    assert list(await engine.start()) == ["a"]
    (one,) = await obligations(engine)
    assert (one["state"], one["error"]) == ("failed", "503 try later"), "what became of it stays"
    with pytest.raises(Conflict, match=r"task 'a' of run .* is not held"):
        await release_tasks(engine.store, "d", run.run_id, "a", by="ada")
    with pytest.raises(NotFound, match="has no task 'x'"):
        await release_tasks(engine.store, "d", run.run_id, "x", by="ada")
    with pytest.raises(NotFound, match="has no run 'x'"):
        await release_tasks(engine.store, "d", "x", by="ada")


async def test_k01_a_task_may_start_all_the_same(engine: HandEngine) -> None:
    """K01: `on_cancel_failure="start"` and a `cancel_timeout` of the task's own."""
    run = await waiting(engine, cancel_timeout=5.0, on_cancel_failure="start")
    begun = engine.clock.now()
    await clear(engine, run)
    await engine.settle()
    await cancel(engine, "503 try later")
    assert await engine.start() == {}
    await give_up(engine)
    assert engine.clock.now() - begun <= timedelta(seconds=5)
    assert list(await engine.start()) == ["a"]


async def test_k01_a_cancel_is_tried_on_after_a_release(engine: HandEngine) -> None:
    """K01: to let the next try go on is not to give up the cancel."""
    run = await waiting(engine)
    await clear(engine, run)
    await engine.settle()
    await cancel(engine, "503 try later")
    await release_tasks(engine.store, "d", run.run_id, "a", by="ada")
    assert list(await engine.start()) == ["a"]
    engine.clock.advance(1.0)
    await cancel(engine)
    assert [one["state"] for one in await obligations(engine)] == ["done"]


@pytest.mark.parametrize(
    "late",
    [Finish("success", return_value=b"1"), Finish("failed"), deferral(poll(has_on_kill=True)), Reschedule(2e9)],
    ids=["success", "failed", "defer", "reschedule"],
)
@pytest.mark.parametrize("restarted", [False, True], ids=["before the next try", "during the next try"])
async def test_k03_a_late_message_of_a_worker_is_refused(engine: HandEngine, late: Any, restarted: bool) -> None:
    """K03: what a worker says after its task was cleared changes nothing, whatever state the task is in by then."""
    run = await engine.run_of(dag_spec("d", {"a": []}, each={"retries": 3}))
    old = (await engine.start())["a"]
    await clear(engine, run)
    if restarted:
        await engine.start()
    before = dict(await engine.instance("a"))
    assert isinstance(await engine.ask(old, late), Refused)
    assert dict(await engine.instance("a")) == before
    assert await engine.waits() == []


async def test_k03_a_late_event_of_a_trigger_is_refused(engine: HandEngine) -> None:
    """K03: so does the event of a trigger, also when the next try waits under the same method."""
    run = await waiting(engine)
    (old,) = await engine.waits()
    await clear(engine, run)
    await engine.settle()
    await cancel(engine)
    await engine.defer("a", poll(has_on_kill=True))
    assert not await accept_outcome(engine.store, old["uid"], old["token"], event())
    assert (await engine.instance("a"))["state"] == "deferred"
    (new,) = await engine.waits()
    assert await accept_outcome(engine.store, new["uid"], new["token"], event())


async def test_k10_slots_are_counted_by_what_is_there(engine: HandEngine) -> None:
    """K10: whatever is cleared, marked or cancelled in whatever state, all slots are free in the end."""
    engine.executor.slots = 4
    spec = dag_spec("d", {name: [] for name in "abcd"}, max_active_tasks=4)
    run = await engine.run_of(spec)
    await engine.defer("a", poll(has_on_kill=True))
    await engine.defer("b", poll())
    await engine.start()
    await clear(engine, run)
    await engine.settle()
    await cancel(engine)
    started = await engine.start()
    assert len(started) == 4, "all of them run at once"
    await cancel_run(engine.store, "d", run.run_id, by="ada")
    await engine.settle()
    assert engine.executor.free_slots() == 4
    again = await engine.create("d")
    await engine.start()
    assert set((await engine.states(again)).values()) == {"running"}
