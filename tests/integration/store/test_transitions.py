"""The only writer of states: guards, epochs, history, marks and counters, on rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bide.model.states import FINISHED, TRANSITIONS, TaskState, Transition
from bide.store import Store, Tx, transitions
from bide.store.runs import RunRow
from bide.store.schema import dag_run, mark, task_event, task_instance
from bide.store.transitions import Guard
from tests.support.clock import HeldClock
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")


@pytest.fixture
async def run(engine: HandEngine) -> RunRow:
    """A run of three tasks that nobody starts."""
    return await engine.run_of(dag_spec("d", {"a": [], "b": [], "c": []}))


async def put(store: Store, uid: str, state: TaskState, epoch: int = 5) -> None:
    """Bring an instance into `state` by force."""
    change = sa.update(task_instance).where(task_instance.c.uid == uid).values(state=state.value, epoch=epoch)
    await store.write(lambda tx: tx.conn.execute(change))


async def apply(store: Store, name: str, *guards: Guard) -> list[transitions.Moved]:
    return await store.write(lambda tx: transitions.apply(tx, name, guards, by="test"))


async def rows(store: Store, table: sa.Table) -> list[sa.RowMapping]:
    return await store.read(lambda tx: list(tx.conn.execute(sa.select(table)).mappings()))


async def unfinished(store: Store) -> int:
    return await store.read(lambda tx: tx.conn.execute(sa.select(dag_run.c.unfinished)).scalar_one())


@pytest.mark.parametrize(("name", "transition"), TRANSITIONS.items(), ids=TRANSITIONS)
async def test_each_transition_from_each_state(engine: HandEngine, name: str, transition: Transition) -> None:
    """It goes from its sources and from nowhere else; statements and table are one thing."""
    states = {f"from_{state}": state for state in TaskState}
    run = await engine.run_of(dag_spec("d", {task_id: [] for task_id in states}))
    uids = {one["task_id"]: one["uid"] for one in await rows(engine.store, task_instance)}
    for task_id, state in states.items():
        await put(engine.store, uids[task_id], state)
    moved = await apply(engine.store, name, *(Guard(uid, 5) for uid in uids.values()))

    went = {task_id for task_id, state in states.items() if state in transition.sources}
    epoch = 5 + transition.fences
    assert sorted(moved) == sorted((uids[task_id], epoch, run.uid, task_id, -1) for task_id in went)
    for row in await rows(engine.store, task_instance):
        stayed = (states[row["task_id"]], 5)
        assert (row["state"], row["epoch"]) == ((transition.target, epoch) if row["task_id"] in went else stayed)
    events = [(one["instance_uid"], one["state"], one["epoch"]) for one in await rows(engine.store, task_event)]
    entered = [(transition.target.value, epoch)]
    if transition.through is not None:
        entered.append((transition.through.value, 5))
    assert sorted(events) == sorted((uids[task_id], *entry) for task_id in went for entry in entered)
    ended = went if transition.target in FINISHED else set[str]()
    assert {one["task_id"] for one in await rows(engine.store, mark)} == ended
    # The counter follows what crosses the border between finished and not, in either direction.
    crossing = (transition.target not in FINISHED) - (not transition.sources <= FINISHED)
    assert await unfinished(engine.store) == len(states) + crossing * len(went)


@pytest.mark.parametrize("epoch", [0, 4, 6, 1_000])
async def test_another_epoch_loses(engine: HandEngine, run: RunRow, epoch: int) -> None:
    uid = (await engine.instance("a"))["uid"]
    await put(engine.store, uid, TaskState.RUNNING, epoch=5)
    assert await apply(engine.store, "succeed", Guard(uid, epoch)) == []
    assert (await engine.instance("a"))["state"] == "running"


async def test_an_unknown_instance_and_no_instance_at_all(store: Store) -> None:
    assert await apply(store, "succeed", Guard("no such", 0)) == []
    assert await apply(store, "succeed") == []


async def test_those_that_can_go_and_those_that_can_not(engine: HandEngine, run: RunRow) -> None:
    uids = {task_id: (await engine.instance(task_id))["uid"] for task_id in "abc"}
    await put(engine.store, uids["a"], TaskState.RUNNING, epoch=5)
    await put(engine.store, uids["b"], TaskState.SUCCESS, epoch=5)
    await put(engine.store, uids["c"], TaskState.RUNNING, epoch=9)
    guards = [Guard(uids["a"], 5), Guard(uids["b"], 5), Guard(uids["c"], 5)]
    assert [one.task_id for one in await apply(engine.store, "fail", *guards)] == ["a"]
    assert await unfinished(engine.store) == 2


async def test_the_same_one_twice_in_one_call_goes_once(engine: HandEngine, run: RunRow) -> None:
    uid = (await engine.instance("a"))["uid"]
    await put(engine.store, uid, TaskState.RUNNING, epoch=5)
    assert len(await apply(engine.store, "succeed", Guard(uid, 5), Guard(uid, 5))) == 1
    assert await unfinished(engine.store) == 2
    assert len(await rows(engine.store, mark)) == 1
    assert len(await rows(engine.store, task_event)) == 1


async def test_two_calls_in_one_transaction_see_each_other(engine: HandEngine, run: RunRow) -> None:
    uid = (await engine.instance("a"))["uid"]

    def work(tx: Tx) -> list[str]:
        transitions.apply(tx, "schedule", [Guard(uid, 0)], by="test")
        transitions.apply(tx, "queue", [Guard(uid, 0)], by="test")
        (moved,) = transitions.apply(tx, "start", [Guard(uid, 0)], by="test")
        assert transitions.apply(tx, "succeed", [Guard(uid, 0)], by="test") == []
        transitions.apply(tx, "succeed", [Guard(uid, moved.epoch)], by="test")
        return []

    await engine.store.write(work)
    events = await rows(engine.store, task_event)
    assert [(one["state"], one["epoch"]) for one in events] == [
        ("scheduled", 0),
        ("queued", 0),
        ("running", 1),
        ("success", 1),
    ]


async def test_every_column_that_may_be_set_is_stored_as_it_is(
    engine: HandEngine, run: RunRow, clock: HeldClock
) -> None:
    uid = (await engine.instance("a"))["uid"]
    moment = clock.now() + timedelta(microseconds=7)
    sets: dict[str, Any] = {
        "try_number": 3,
        "rescues": 2,
        "is_resume": True,
        "session": "s-1",
        "scheduled_at": moment,
        "queued_at": moment,
        "start_date": moment,
        "end_date": None,
        "duration": 1.25,
        "deadline": moment,
        "due_at": None,
        "error": "it's \"broken\": ümlaut, \u2028, \n new line, 'null', \\ and 🦊",
    }
    await put(engine.store, uid, TaskState.RUNNING, epoch=5)
    assert await apply(engine.store, "retry", Guard(uid, 5, sets))
    row = await engine.instance("a")
    assert {name: row[name] for name in sets} == sets


async def test_a_null_character_in_an_error_does_not_cost_the_state(engine: HandEngine, run: RunRow) -> None:
    uid = (await engine.instance("a"))["uid"]
    await put(engine.store, uid, TaskState.RUNNING, epoch=5)
    assert await apply(engine.store, "fail", Guard(uid, 5, {"error": "before\x00after"}))
    row = await engine.instance("a")
    assert row["state"] == "failed"
    assert row["error"].startswith("before")


async def test_instances_of_many_runs_count_down_their_own(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", {"a": [], "b": []}))
    made = [await engine.create("d") for _ in range(5)]
    found = await rows(engine.store, task_instance)
    guards = [Guard(one["uid"], 0) for one in found if one["task_id"] == "a" or one["run_uid"] == made[0].uid]
    await apply(engine.store, "skip", *guards)
    counts = {one["uid"]: one["unfinished"] for one in await rows(engine.store, dag_run)}
    assert counts == {one.uid: 0 if one is made[0] else 1 for one in made}


async def test_what_rings(engine: HandEngine, run: RunRow) -> None:
    bell = engine.store.bell
    uid = (await engine.instance("a"))["uid"]
    history, scheduled, marks = bell.listen("history"), bell.listen("scheduled"), bell.listen("marks")

    async def heard() -> tuple[bool, bool, bool]:
        return await history.wait(0), await scheduled.wait(0), await marks.wait(0)

    await apply(engine.store, "schedule", Guard(uid, 99))
    assert await heard() == (False, False, False)
    await apply(engine.store, "schedule", Guard(uid, 0))
    assert await heard() == (True, True, False)
    await apply(engine.store, "cancel", Guard(uid, 0))
    assert await heard() == (True, False, True)


async def test_the_schema_refuses_states_that_are_not_in_the_table(engine: HandEngine, run: RunRow) -> None:
    with pytest.raises(Exception, match="ck_task_instance_state"):
        await engine.store.write(lambda tx: tx.conn.exec_driver_sql("UPDATE task_instance SET state = 'lost'"))
