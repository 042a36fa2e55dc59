"""External work that has to be cancelled: tried with back-off, by one engine at a time, until its time is over."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa

from bide.control.cancel_external import (
    claim_obligations,
    next_obligation,
    pending_obligations,
    settle_obligation,
)
from bide.control.cancel_run import cancel_run
from bide.control.claim_waits import take_over_waits
from bide.store import views
from bide.store.runs import RunRow
from bide.store.schema import cancel_obligation
from bide.wire.messages import RunOnKill
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, poll, timer

pytestmark = pytest.mark.usefixtures("no_blocking")


async def obliged(engine: HandEngine, *names: str) -> RunRow:
    """A cancelled run whose tasks all waited for external work."""
    run = await engine.run_of(dag_spec("d", {name: [] for name in names or ("a",)}))
    for name in names or ("a",):
        await engine.defer(name, poll(has_on_kill=True))
    await cancel_run(engine.store, "d", run.run_id, by="ada")
    return run


async def claim(engine: HandEngine, session: str = "s", limit: int = 10) -> list[RunOnKill]:
    return await claim_obligations(engine.store, session, limit, logs=engine.logs)


async def rows(engine: HandEngine) -> list[sa.RowMapping]:
    query = sa.select(cancel_obligation)
    return await engine.store.read(lambda tx: list(tx.conn.execute(query).mappings()))


async def test_it_has_all_that_a_trigger_runner_needs(engine: HandEngine) -> None:
    await obliged(engine)
    (one,) = await claim(engine)
    assert (one.load.classpath, one.load.kind, one.load.kwargs) == ("waiting.Poll", "poll", b"{}")
    assert (one.load.instance.task_id, one.load.dag_file) == ("a", "/dags/d.py")
    (row,) = await rows(engine)
    assert (row["session"], row["attempts"]) == ("s", 1)


async def test_it_is_leased_to_one_session_at_a_time(engine: HandEngine) -> None:
    run = await obliged(engine, "a", "b", "c")
    assert len(await claim(engine, limit=2)) == 2
    assert len(await claim(engine)) == 1
    assert await claim(engine) == []
    assert await pending_obligations(engine.store, run.uid) == 3


async def test_another_engine_takes_over_what_a_dead_one_held(engine: HandEngine) -> None:
    await obliged(engine)
    await claim(engine, "dead")
    assert await claim(engine, "alive") == []
    await take_over_waits(engine.store, "alive")
    assert len(await claim(engine, "alive")) == 1


async def test_done_is_done(engine: HandEngine) -> None:
    run = await obliged(engine)
    (one,) = await claim(engine)
    assert await settle_obligation(engine.store, "s", one)
    assert not await settle_obligation(engine.store, "s", one, "a late report")
    (row,) = await rows(engine)
    assert (row["state"], row["error"]) == ("done", "")
    assert await pending_obligations(engine.store, run.uid) == 0
    assert await next_obligation(engine.store) is None
    assert await claim(engine, "another") == []
    assert await engine.store.read(views.list_obligations) == []


async def test_attempts_back_off_until_ten_minutes_are_over(engine: HandEngine) -> None:
    await obliged(engine)
    begun = engine.clock.now()
    pauses: list[float] = []
    while True:
        (one,) = await claim(engine)
        await settle_obligation(engine.store, "s", one, "503 try later")
        due = await next_obligation(engine.store)
        if due is None:
            break
        assert await claim(engine) == [], "not before it is due"
        pauses.append((due - engine.clock.now()).total_seconds())
        engine.clock.move_to(due)
    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert set(pauses[6:]) == {60}
    assert engine.clock.now() - begun <= timedelta(minutes=10)
    assert engine.clock.now() - begun > timedelta(minutes=9)
    (shown,) = await engine.store.read(views.list_obligations)
    assert (shown.state, shown.error, shown.task_id) == ("failed", "503 try later", "a")


async def test_settling_something_unknown(engine: HandEngine) -> None:
    await obliged(engine)
    (one,) = await claim(engine)
    unknown = msgspec.structs.replace(one, obligation_id="unknown")
    assert not await settle_obligation(engine.store, "s", unknown, "x")


async def test_an_engine_that_was_thought_dead_settles_nothing(engine: HandEngine) -> None:
    """The work of who took over counts: the next try must not start while that is at it."""
    await obliged(engine)
    (late,) = await claim(engine, "paused")
    await take_over_waits(engine.store, "alive")
    (taken,) = await claim(engine, "alive")
    for error in ("", "too late"):
        assert not await settle_obligation(engine.store, "paused", late, error)
        assert not await settle_obligation(engine.store, "alive", late, error), "an attempt before this one"
    (row,) = await rows(engine)
    assert (row["state"], row["session"], row["error"], row["holds"]) == ("pending", "alive", "", True)
    assert await settle_obligation(engine.store, "alive", taken)


async def test_a_report_counts_once(engine: HandEngine) -> None:
    await obliged(engine)
    (one,) = await claim(engine)
    assert await settle_obligation(engine.store, "s", one, "503")
    due = await next_obligation(engine.store)
    engine.clock.advance(0.5)
    assert not await settle_obligation(engine.store, "s", one, "503")
    assert await next_obligation(engine.store) == due


async def test_who_waits_is_rung(engine: HandEngine) -> None:
    cancels = engine.store.bell.listen("cancels")
    await obliged(engine)
    assert await cancels.wait(0)
    (one,) = await claim(engine)
    await settle_obligation(engine.store, "s", one, "again")
    assert await cancels.wait(0)


async def test_only_triggers_with_on_kill_oblige(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    await engine.defer("a")
    await engine.defer("b", timer(datetime(2030, 1, 1, tzinfo=engine.clock.now().tzinfo)))
    await cancel_run(engine.store, "d", run.run_id, by="ada")
    assert await rows(engine) == []


async def test_an_engine_of_one_run_serves_its_own(engine: HandEngine) -> None:
    run = await obliged(engine)
    assert await claim_obligations(engine.store, "s", 5, logs=engine.logs, only="other") == []
    assert await next_obligation(engine.store, only="other") is None
    assert len(await claim_obligations(engine.store, "s", 5, logs=engine.logs, only=run.uid)) == 1
