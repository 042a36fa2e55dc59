"""Pools: no more slots than there are, and what can't have any holds up nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from bide.control.accept_event import accept_outcome
from bide.control.arm_starts import ArmedStart, arm_start, claim_starts
from bide.control.keep_pools import delete_pool, set_pools
from bide.control.why_held import reasons_held
from bide.model.errors import Conflict, InvalidArgument, NotFound
from bide.model.pools import DEFAULT_POOL, Pool
from bide.store import pools
from bide.store.views import list_instances
from bide.wire.messages import Finish, Outcome
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, event, poll, timer

pytestmark = pytest.mark.usefixtures("no_blocking")

FINISHED = Finish("success")
WIDE = {f"t{number}": [] for number in range(8)}


async def make(engine: HandEngine, *given: Pool) -> None:
    await set_pools(engine.store, given, by="test")


def count(states: Mapping[str, str]) -> Counter[str]:
    return Counter(states.values())


async def held(engine: HandEngine) -> dict[str, str]:
    """What is shown of instances that wait in vain, by task id."""
    found, _ = await engine.store.read(list_instances)
    rows = {row.uid: row.task_id for row in found}
    reasons = await engine.store.read(lambda tx: reasons_held(tx, rows.keys()))
    return {rows[uid]: reason for uid, reason in reasons.items()}


async def test_a_pool_bounds_its_tasks_over_dags(engine: HandEngine) -> None:
    await make(engine, Pool("spark", 5))
    first = await engine.run_of(dag_spec("a", WIDE, each={"pool": "spark"}))
    second = await engine.run_of(dag_spec("b", WIDE, each={"pool": "spark"}))
    most = 0
    while count(await engine.states(first)) != {"success": 8} or count(await engine.states(second)) != {
        "success": 8
    }:
        await engine.start()
        most = max(most, len(engine.executor.started))
        assert len(engine.executor.started) <= 5
        await engine.leave_all(engine.executor.started.values(), FINISHED)
    assert most == 5


async def test_slots_are_counted_as_tasks_want_them(engine: HandEngine) -> None:
    await make(engine, Pool("spark", 5))
    run = await engine.run_of(dag_spec("d", WIDE, each={"pool": "spark", "pool_slots": 2}))
    await engine.start()
    assert count(await engine.states(run)) == {"running": 2, "scheduled": 6}


async def test_a_task_that_is_too_large_for_what_is_left_lets_smaller_ones_pass(engine: HandEngine) -> None:
    engine.executor.slots = 4
    await make(engine, Pool("spark", 3))
    wide = {f"t{number}": [] for number in range(20)}
    tasks = {name: {"pool_slots": 2, "priority_weight": 10} for name in wide} | {"t19": {"pool_slots": 1}}
    run = await engine.run_of(dag_spec("d", wide, tasks=tasks, each={"pool": "spark"}, max_active_tasks=100))
    await engine.start()
    states = await engine.states(run)
    assert count(states) == {"running": 2, "scheduled": 18}
    assert states["t19"] == "running"


async def test_a_full_pool_holds_up_nobody_else(engine: HandEngine) -> None:
    engine.executor.slots = 4
    await make(engine, Pool("team_a", 1))
    busy = await engine.run_of(dag_spec("busy", WIDE, each={"pool": "team_a", "priority_weight": 100}))
    other = await engine.run_of(dag_spec("other", {"a": [], "b": []}))
    await engine.start()
    assert count(await engine.states(busy)) == {"running": 1, "scheduled": 7}
    assert count(await engine.states(other)) == {"running": 2}


async def test_who_is_at_a_limit_of_a_dag_hides_nobody_of_another_in_the_same_round(engine: HandEngine) -> None:
    engine.executor.slots = 4
    await engine.run_of(dag_spec("busy", WIDE, max_active_tasks=1, each={"priority_weight": 100}))
    other = await engine.run_of(dag_spec("other", {"a": [], "b": []}))
    (queueing,) = (duty for duty in engine.duties() if duty.name == "queue_tasks")
    for duty in engine.duties():
        if duty.name in ("start_runs", "advance_runs"):
            await duty.run()
    await queueing.run()
    assert count(await engine.states(other)) == {"queued": 2}


async def test_tasks_of_no_pool_share_the_default_one(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", WIDE))
    await make(engine, Pool(DEFAULT_POOL, 3))
    await engine.start()
    assert count(await engine.states(run)) == {"running": 3, "scheduled": 5}
    await make(engine, Pool(DEFAULT_POOL, -1))
    await engine.start()
    assert count(await engine.states(run)) == {"running": 8}


async def test_the_configured_size_counts_until_somebody_sets_one(engine: HandEngine) -> None:
    await engine.store.write(lambda tx: pools.make_default(tx, 2))
    await engine.store.write(lambda tx: pools.make_default(tx, 7))
    (view,) = await engine.store.read(pools.list_pools)
    assert view.pool.slots == 2


@pytest.mark.parametrize("counts", [False, True], ids=["free", "count"])
async def test_deferred_tasks_count_where_the_pool_says_so(engine: HandEngine, counts: bool) -> None:
    await make(engine, Pool("one", 1, include_deferred=counts))
    tasks = {"first": {"priority_weight": 9}}
    run = await engine.run_of(dag_spec("d", {"first": [], "second": []}, tasks=tasks, each={"pool": "one"}))
    await engine.defer("first", poll())
    await engine.start()
    assert await engine.states(run) == {"first": "deferred", "second": "scheduled" if counts else "running"}


async def test_k10_a_task_that_goes_on_keeps_its_slot(engine: HandEngine) -> None:
    """K10: between the event and the worker nobody takes it, and two of them never have it."""
    await make(engine, Pool("one", 1, include_deferred=True))
    tasks = {"first": {"priority_weight": 9}}
    run = await engine.run_of(dag_spec("d", {"first": [], "second": []}, tasks=tasks, each={"pool": "one"}))
    await engine.defer("first", poll())
    (waiting,) = await engine.waits()
    engine.executor.slots = 0
    await accept_outcome(engine.store, waiting["uid"], waiting["token"], event())
    await engine.settle()
    assert await engine.states(run) == {"first": "scheduled", "second": "scheduled"}
    engine.executor.slots = 5
    await engine.start()
    assert await engine.states(run) == {"first": "running", "second": "scheduled"}
    await engine.leave_all(engine.executor.started.values(), FINISHED)
    await engine.start()
    assert await engine.states(run) == {"first": "success", "second": "running"}


async def test_tasks_that_began_deferred_share_the_slots_of_their_pool(engine: HandEngine) -> None:
    """They have had none to keep: their waits are not bounded by the pool, their work is."""
    await make(engine, Pool("two", 2, include_deferred=True))
    each = {"pool": "two", "starts_from_trigger": True}
    run = await engine.run_of(dag_spec("d", WIDE, each=each))
    await engine.settle()
    starts = await claim_starts(engine.store, engine.session, 10, logs=engine.logs)
    assert len(starts) == len(WIDE)
    for start in starts:
        spec = deferral(timer(engine.clock.now()), timeout=60.0)
        await arm_start(engine.store, ArmedStart(start.wait_id, start.token, spec))
    while (now := count(await engine.states(run))) != {"success": 8}:
        await engine.start()
        assert 1 <= len(engine.executor.started) <= 2, now
        await engine.leave_all(engine.executor.started.values(), FINISHED)
        engine.executor.started.clear()


async def test_the_end_of_a_wait_lets_the_next_task_in(engine: HandEngine) -> None:
    await make(engine, Pool("one", 1, include_deferred=True))
    tasks = {"first": {"priority_weight": 9}}
    run = await engine.run_of(dag_spec("d", {"first": [], "second": []}, tasks=tasks, each={"pool": "one"}))
    await engine.defer("first", poll())
    (waiting,) = await engine.waits()
    await accept_outcome(engine.store, waiting["uid"], waiting["token"], Outcome(kind="success", payload=b"null"))
    await engine.start()
    assert await engine.states(run) == {"first": "success", "second": "running"}


async def test_what_can_never_run_says_so_and_runs_once_it_can(engine: HandEngine) -> None:
    await make(engine, Pool("small", 2))
    tasks = {"lost": {"pool": "nowhere"}, "large": {"pool": "small", "pool_slots": 3}}
    shape = {"lost": [], "large": [], "plain": []}
    engine.executor.slots = 1
    run = await engine.run_of(
        dag_spec("d", shape, tasks={name: {**of, "priority_weight": 9} for name, of in tasks.items()})
    )
    with capture_logs() as logs:
        await engine.start()
    assert await engine.states(run) == {"lost": "scheduled", "large": "scheduled", "plain": "running"}
    assert await held(engine) == {
        "lost": "there is no pool 'nowhere': make it with `bide pools set nowhere SLOTS`",
        "large": "it wants 3 slots of pool 'small', which has 2: give it more with `bide pools set small SLOTS`, "
        "or set a smaller pool_slots",
    }
    said = {one["reason"] for one in logs if one["event"] == "tasks_wait_in_vain"}
    assert said == set((await held(engine)).values())
    engine.executor.slots = 10
    await make(engine, Pool("nowhere", 1), Pool("small", 3))
    await engine.start()
    assert count(await engine.states(run)) == {"running": 3}
    assert await held(engine) == {}


async def test_a_closed_pool_and_a_busy_one_are_no_mistake(engine: HandEngine) -> None:
    await make(engine, Pool("closed", 0), Pool("one", 1))
    tasks = {"a": {"pool": "closed"}, "b": {"pool": "one"}, "c": {"pool": "one"}}
    await engine.run_of(dag_spec("d", {"a": [], "b": [], "c": []}, tasks=tasks))
    with capture_logs() as logs:
        await engine.start()
    assert [one for one in logs if one["event"] == "tasks_wait_in_vain"] == []
    assert await held(engine) == {"a": "pool 'closed' is closed: it has no slots"}


async def test_lists_say_what_slots_are_taken_by(engine: HandEngine) -> None:
    await make(engine, Pool("one", 4, "for a test", include_deferred=True))
    run = await engine.run_of(dag_spec("d", {"a": [], "b": [], "c": []}, each={"pool": "one", "pool_slots": 2}))
    await engine.defer("a", poll())
    assert count(await engine.states(run)) == {"deferred": 1, "running": 1, "scheduled": 1}
    view = await engine.store.read(lambda tx: pools.get_pool(tx, "one"))
    assert view is not None
    assert view.pool == Pool("one", 4, "for a test", include_deferred=True)
    assert (view.running, view.queued, view.scheduled, view.deferred) == (2, 0, 2, 2)
    assert (view.occupied, view.open) == (4, 0)


async def test_wrong_pools_are_refused(engine: HandEngine) -> None:
    with pytest.raises(InvalidArgument, match="slots must be an integer of 0 or more, or -1"):
        await make(engine, Pool("p", -2))
    with pytest.raises(InvalidArgument, match="is no name of a pool"):
        await make(engine, Pool("", 1))
    with pytest.raises(Conflict, match="can't be deleted"):
        await delete_pool(engine.store, DEFAULT_POOL, by="test")
    with pytest.raises(NotFound, match="no pool 'p'"):
        await delete_pool(engine.store, "p", by="test")
