"""Engines that share a store: who lives, who is lost, and what becomes of what the lost ones had."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bide.control.accept_event import accept_outcome
from bide.control.arm_starts import claim_starts
from bide.control.cancel_external import claim_obligations
from bide.control.cancel_run import cancel_run
from bide.control.claim_waits import claim_waits, held_waits
from bide.control.keep_session import Loss, Round, end_session, keep_session
from bide.control.start_tasks import start_tasks
from bide.model.errors import SessionLost
from bide.model.retries import MAX_RESCUES
from bide.store import Store, Tx, sessions
from bide.store.schema import dag_run
from bide.store.schema import session as session_table
from bide.wire.messages import Finish, Ok, Refused, WaitSpec
from tests.support.clock import HeldClock
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, PaperExecutor, deferral, event, poll, timer
from tests.support.stores import ON_POSTGRESQL
from tests.support.waiting_tasks import WaitingTasks

pytestmark = pytest.mark.usefixtures("no_blocking")

#: Seconds of silence after which the sessions of these tests are lost.
LOST_AFTER = 4.2


async def begin(store: Store, *, kind: str = "engine", lost_after: float | None = LOST_AFTER) -> str:
    return await store.write(
        lambda tx: sessions.begin(tx, kind=kind, hostname="here", pid=1, lost_after=lost_after)
    )


def lost(*, tasks: int = 0, waits: int = 0) -> Loss:
    return Loss("engine", "here", 1, tasks, waits)


async def keep(store: Store, session: str, *, patient: bool = False) -> Round:
    return await keep_session(store, session, patient=lambda: patient)


async def ended(store: Store) -> set[str]:
    query = sa.select(session_table.c.uid).where(session_table.c.ended_at.is_not(None))
    return set(await store.read(lambda tx: list(tx.conn.execute(query).scalars())))


async def claim(engine: HandEngine, session: str, limit: int = 100) -> list[tuple[str, int]]:
    return [
        (load.wait_id, load.token) for load in await claim_waits(engine.store, session, limit, logs=engine.logs)
    ]


async def waiting(engine: HandEngine, tasks: Sequence[str] = ("a",)) -> None:
    await engine.run_of(dag_spec("d", {task: [] for task in tasks}))
    for task in tasks:
        await engine.defer(task)


async def test_waits_of_a_silent_session_pass_to_the_living(engine: HandEngine) -> None:
    one, other = await begin(engine.store), await begin(engine.store)
    await waiting(engine)
    ((wait_id, old),) = await claim(engine, one)
    engine.clock.advance(LOST_AFTER - 0.1)
    assert (await keep(engine.store, other)).losses == []
    assert await claim(engine, other) == [], "it may still come back"
    engine.clock.advance(0.2)
    rung = engine.store.bell.listen("waits")
    assert (await keep(engine.store, other)).losses == [lost(waits=1)]
    assert await rung.wait(0)
    ((again, new),) = await claim(engine, other)
    assert again == wait_id
    assert not await accept_outcome(engine.store, wait_id, old, event())
    assert await accept_outcome(engine.store, wait_id, new, event())


async def test_a_session_that_comes_back_in_time_keeps_what_it_has(engine: HandEngine) -> None:
    one, other = await begin(engine.store), await begin(engine.store)
    await waiting(engine)
    await claim(engine, one)
    engine.clock.advance(LOST_AFTER - 0.1)
    await keep(engine.store, one)
    engine.clock.advance(LOST_AFTER - 0.1)
    assert (await keep(engine.store, other)).losses == []
    assert len(await held_waits(engine.store, one)) == 1


async def test_a_session_that_comes_back_too_late_is_told(engine: HandEngine) -> None:
    one, other = await begin(engine.store), await begin(engine.store)
    engine.clock.advance(LOST_AFTER + 0.1)
    await keep(engine.store, other)
    with pytest.raises(SessionLost, match="silent for too long"):
        await keep(engine.store, one)
    assert await ended(engine.store) == {one}


async def test_the_next_loss_is_known(engine: HandEngine) -> None:
    one, other = await begin(engine.store), await begin(engine.store)
    begun = engine.clock.now()
    engine.clock.advance(1)
    found = await keep(engine.store, other)
    assert found.next_loss is not None
    assert (found.next_loss - begun).total_seconds() == pytest.approx(LOST_AFTER)
    await keep(engine.store, one)
    await end_session(engine.store, one)
    assert (await keep(engine.store, other)).next_loss is None


async def test_one_that_was_cut_off_itself_ends_nobody(engine: HandEngine) -> None:
    await begin(engine.store)
    other = await begin(engine.store)
    engine.clock.advance(LOST_AFTER + 0.1)
    assert (await keep(engine.store, other, patient=True)).losses == []
    assert await ended(engine.store) == set()


async def test_a_session_that_alone_has_its_store_is_never_lost(engine: HandEngine) -> None:
    await begin(engine.store, lost_after=None)
    other = await begin(engine.store)
    engine.clock.advance(1_000_000)
    assert await keep(engine.store, other) == Round([], None)


async def test_tasks_of_a_lost_session_run_again_in_the_same_try(engine: HandEngine) -> None:
    engine.session = one = await begin(engine.store)
    other = await begin(engine.store)
    await engine.run_of(dag_spec("d"))
    late = (await engine.start())["a"]
    await engine.create("d")
    await engine.settle()
    assert [claim.instance.task_id for claim in engine.executor.queued] == ["a"], (
        "another one, that has not started"
    )
    engine.clock.advance(LOST_AFTER + 0.1)
    assert (await keep(engine.store, other)).losses == [lost(tasks=2)]
    assert await ended(engine.store) == {one}
    reply = await engine.ask(late, Finish("success"))
    assert isinstance(reply, Refused), "the report of a worker of the lost engine"
    with pytest.raises(SessionLost) if engine.store.is_shared else nullcontext([]) as nothing:
        nothing = await start_tasks(engine.store, engine.executor.queued, session=one, logs=engine.logs)
    assert not nothing or engine.store.is_shared
    engine.session, engine.executor = other, PaperExecutor()
    await engine.start()
    tasks = list(engine.executor.started.values())
    assert [task.try_number for task in tasks] == [1, 1]
    for task in tasks:
        assert isinstance(await engine.end(task), Ok)


async def test_what_kills_engines_fails_in_the_end(engine: HandEngine) -> None:
    watcher = await begin(engine.store, lost_after=None)
    await engine.run_of(dag_spec("d", each={"retries": 5}))
    for _ in range(MAX_RESCUES + 1):
        engine.session, engine.executor = await begin(engine.store), PaperExecutor()
        await engine.start()
        assert await engine.states() == {"a": "running"}
        engine.clock.advance(LOST_AFTER + 0.1)
        assert (await keep(engine.store, watcher)).losses == [lost(tasks=1)]
    assert await engine.states() == {"a": "failed"}


async def test_cancels_of_a_lost_session_are_tried_by_the_living(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d"))
    await engine.defer("a", poll(has_on_kill=True))
    await cancel_run(engine.store, "d", run.run_id, by="ada")
    one, other = await begin(engine.store), await begin(engine.store)

    async def due(session: str) -> int:
        return len(await claim_obligations(engine.store, session, 10, logs=engine.logs))

    assert await due(one) == 1
    assert await due(other) == 0
    engine.clock.advance(LOST_AFTER + 0.1)
    await keep(engine.store, other)
    assert await due(other) == 1


async def test_who_ends_in_good_order_hands_over_at_once(engine: HandEngine) -> None:
    engine.session = one = await begin(engine.store)
    other = await begin(engine.store)
    await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    await engine.defer("a")
    await claim(engine, one)
    await end_session(engine.store, one)
    assert await engine.states() == {"a": "deferred", "b": "scheduled"}
    assert (await engine.instance("b"))["rescues"] == 0, "that is no death"
    assert len(await claim(engine, other)) == 1
    assert (await keep(engine.store, other)).losses == []


# --- several at once, which only PostgreSQL has


@ON_POSTGRESQL
async def test_a_session_that_is_over_takes_nothing(engine: HandEngine) -> None:
    one, other = await begin(engine.store), await begin(engine.store)
    await waiting(engine)
    engine.clock.advance(LOST_AFTER + 0.1)
    await keep(engine.store, other)
    with pytest.raises(SessionLost):
        await claim(engine, one)
    with pytest.raises(SessionLost):
        await claim_starts(engine.store, one, 10, logs=engine.logs)
    with pytest.raises(SessionLost):
        await claim_obligations(engine.store, one, 10, logs=engine.logs)
    engine.session = one
    await engine.create("d")
    with pytest.raises(SessionLost):
        await engine.settle()
    assert len(await claim(engine, other)) == 1


@ON_POSTGRESQL
async def test_nobody_is_ended_while_it_takes_something(engine: HandEngine) -> None:
    """Else what it took in that moment would stay with it for ever."""
    one, other = await begin(engine.store), await begin(engine.store)
    engine.clock.advance(LOST_AFTER + 0.1)
    holds, may_go_on = threading.Event(), threading.Event()

    def take(tx: Tx) -> None:
        sessions.hold(tx, one)
        holds.set()
        assert may_go_on.wait(20)

    taking = asyncio.create_task(engine.store.write(take))
    assert await asyncio.to_thread(holds.wait, 20)
    assert (await keep(engine.store, other)).losses == []
    assert await engine.store.write(lambda tx: sessions.beat(tx, other)), "the claim holds up nobody's heartbeat"
    may_go_on.set()
    await taking
    assert len((await keep(engine.store, other)).losses) == 1


@ON_POSTGRESQL
async def test_of_several_who_find_it_one_takes_over(engine: HandEngine) -> None:
    one = await begin(engine.store)
    others = [await begin(engine.store) for _ in range(6)]
    await waiting(engine)
    await claim(engine, one)
    engine.clock.advance(LOST_AFTER + 0.1)
    for other in others:
        await engine.store.write(lambda tx, other=other: sessions.beat(tx, other))
    rounds = await asyncio.gather(*(keep(engine.store, other) for other in others))
    assert [found for each in rounds for found in each.losses] == [lost(waits=1)]
    assert await ended(engine.store) == {one}


@ON_POSTGRESQL
async def test_several_claim_at_once_and_none_twice(engine: HandEngine) -> None:
    names = [f"t{number}" for number in range(20)]
    await waiting(engine, names)
    several = [await begin(engine.store) for _ in range(4)]
    found = await asyncio.gather(*(claim(engine, one, 5) for one in several))
    claimed = [wait_id for each in found for wait_id, _ in each]
    assert len(claimed) == len(set(claimed)) == 20
    assert [len(each) for each in found] == [5, 5, 5, 5], "a bounded claim leaves others their share"


@ON_POSTGRESQL
async def test_who_runs_triggers_leaves_others_their_share(store: Store, tmp_path: Path) -> None:
    """P058"""
    tasks = await WaitingTasks.prepare(store, tmp_path)
    await tasks.defer(*[WaitSpec("poll", "waiting.Poll", b"{}", interval=5.0) for _ in range(30)])
    several = [await begin(store, kind="triggerer") for _ in range(3)]
    held = dict.fromkeys(several, 0)
    rung = store.bell.listen("waits")
    rounds = 0
    while await rung.wait(0) or not rounds:
        rounds += 1
        for one in several:
            held[one] += len(await claim_waits(store, one, 500, logs=tasks.logs))
    assert list(held.values()) == [10 + 3 + 1, 7 + 2 + 1, 5 + 1]
    assert sum(held.values()) == 30


@ON_POSTGRESQL
async def test_who_serves_other_queues_gets_no_share(store: Store, tmp_path: Path) -> None:
    tasks = await WaitingTasks.prepare(store, tmp_path)
    await tasks.defer(*[WaitSpec("poll", "waiting.Poll", b"{}", interval=5.0) for _ in range(8)])

    def make(tx: Tx) -> list[str]:
        queues = (["default", "slow"], ["gpu"], None)
        return [sessions.begin(tx, kind="triggerer", hostname="h", pid=1, queues=one) for one in queues]

    one, _, _ = await store.write(make)
    claimed = await claim_waits(store, one, 500, logs=tasks.logs, queues=["default", "slow"])
    assert len(claimed) == 4, "one other serves the default queue, and one does not"


@ON_POSTGRESQL
async def test_what_is_due_is_done_by_one_of_several_schedulers(
    store: Store, clock: HeldClock, tmp_path: Path
) -> None:
    """Scheduled runs, retries and timers, each found by all of them at the same moment."""
    engines = [HandEngine(store, clock, tmp_path / "logs") for _ in range(3)]
    for one in engines:
        one.session = await begin(store)
    first = engines[0]
    names = [f"t{number}" for number in range(40)]
    await first.run_of(dag_spec("timers", {name: [] for name in names}, max_active_tasks=100))
    for task in (await first.start()).values():
        moment = clock.now() + timedelta(seconds=30)
        await first.ask(task, deferral(timer(moment)))
    first.executor = PaperExecutor()
    await first.run_of(dag_spec("retried", {"r": []}, each={"retries": 1, "retry_delay": 30.0}))
    await first.finish("r", "failed")
    await first.register(dag_spec("hourly", schedule="@hourly"))
    clock.advance(3600)
    await asyncio.gather(*(one.settle() for one in engines))
    states = Counter((await first.states()).values())
    query = sa.select(dag_run.c.run_id).where(dag_run.c.dag_id == "hourly")
    assert len(await store.read(lambda tx: tx.conn.execute(query).all())) == 1
    assert sum(len(one.executor.queued) for one in engines) == states["queued"] == 42
    for name in names:
        assert (await first.history(name)).count("scheduled") == 2
    assert (await first.history("r")).count("scheduled") == 2


@ON_POSTGRESQL
async def test_limits_hold_over_several_schedulers(store: Store, clock: HeldClock, tmp_path: Path) -> None:
    engines = [HandEngine(store, clock, tmp_path / "logs") for _ in range(3)]
    for one in engines:
        one.session = await begin(store)
    spec = dag_spec("d", {f"t{number}": [] for number in range(12)}, max_active_tasks=4, max_active_runs=2)
    await engines[0].register(spec)
    for _ in range(4):
        await engines[0].create("d")
    await asyncio.gather(*(one.settle() for one in engines))
    assert sorted((await engines[0].run_states()).values()) == ["queued", "queued", "running", "running"]
    assert sum(len(one.executor.queued) for one in engines) == 4
