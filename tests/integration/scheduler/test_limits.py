"""Limits: how much runs at once, and that what is at its limit holds up nobody else."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from bide.control.accept_event import accept_outcome
from bide.control.queue_tasks import choose
from bide.engine.scheduler.duties import start_runs
from bide.engine.scheduler.scope import Scope
from bide.model.room import Room
from bide.model.states import RunState, TaskState
from bide.store.instances import InstanceRow
from bide.store.queued_runs import RunningRuns
from bide.store.runs import RunRow
from bide.wire.messages import Finish
from tests.support.clock import START
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, event, poll, timer

pytestmark = pytest.mark.usefixtures("no_blocking")

FINISHED = Finish("success")
#: Duties that a DAG's limits concern.
RAISED = ("start_runs", "queue_tasks")
WIDE = {f"t{number}": [] for number in range(10)}


def running(states: dict[str, str]) -> int:
    return sum(state in ("queued", "running") for state in states.values())


# --- runs


async def test_no_more_runs_than_max_active_runs_the_oldest_first(engine: HandEngine) -> None:
    first = await engine.run_of(dag_spec("d", max_active_runs=2))
    for _ in range(3):
        await engine.create("d")
    await engine.settle()
    assert list((await engine.run_states()).values()) == ["running", "running", "queued", "queued"]
    await engine.start()
    task = next(one for one in engine.executor.started.values() if one.instance.run_id == first.run_id)
    await engine.ask(task, FINISHED)
    await engine.settle()
    assert list((await engine.run_states()).values()) == ["success", "running", "running", "queued"]


async def test_a_dag_with_many_queued_runs_starves_no_other(engine: HandEngine) -> None:
    await engine.register(dag_spec("busy", max_active_runs=1))
    for _ in range(110):
        await engine.create("busy")
    await engine.run_of(dag_spec("other"), run_id="late")
    await engine.settle()
    states = await engine.run_states()
    assert states["late"] == "running"
    assert Counter(states.values()) == {"running": 2, "queued": 109}


async def test_a_dag_that_may_run_nothing_starts_nothing(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", max_active_runs=0))
    await engine.settle()
    assert list((await engine.run_states()).values()) == ["queued"]


async def test_a_limit_that_is_raised_counts_at_once(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", max_active_runs=1, max_active_tasks=1))
    await engine.create("d")
    await engine.settle()
    assert list((await engine.run_states()).values()) == ["running", "queued"]
    runs, tasks = (engine.store.bell.listen(*duty.topics) for duty in engine.duties() if duty.name in RAISED)
    await engine.register(dag_spec("d", max_active_runs=2, max_active_tasks=2))
    assert await runs.wait(0)
    assert await tasks.wait(0)
    await engine.settle()
    assert list((await engine.run_states()).values()) == ["running", "running"]


async def test_the_only_run_of_an_engine_starts_whatever_others_left_running(engine: HandEngine) -> None:
    """A run in a terminal does not wait for runs of an engine that is gone."""
    await engine.run_of(dag_spec("d", max_active_runs=1, max_active_tasks=1))
    await engine.start()
    await engine.lose_engine()
    mine = await engine.create("d")
    engine.scope = Scope(only_run=mine.uid)
    await engine.start()
    assert await engine.states(mine) == {"a": "running"}


async def test_an_engine_for_one_run_leaves_the_others_alone(engine: HandEngine) -> None:
    other = await engine.run_of(dag_spec("other", each={"execution_timeout": 5.0}))
    await engine.defer("a", timer(engine.clock.now()), timeout=1.0)
    await engine.lose_engine()
    mine = await engine.run_of(dag_spec("d"))
    engine.scope = Scope(only_run=mine.uid)
    engine.clock.advance(3600)
    before = await engine.states(other)
    await engine.start()
    assert await engine.states(other) == before
    assert await engine.states(mine) == {"a": "running"}


def test_room_is_shared_out_in_order() -> None:
    runs = [waiting(dag_id, number) for number, dag_id in enumerate(("a", "a", "b", "a", "c"))]
    running = {"a": RunningRuns({"manual": 1}, 3), "b": RunningRuns({"manual": 2}, 2)}
    assert start_runs.choose(runs, running) == (runs[:2], {})


@pytest.mark.parametrize(
    ("active", "room", "expected"),
    [
        ({}, 4, {"scheduled": 2, "manual": 2}),
        ({"scheduled": 15}, 1, {"manual": 1}),
        ({"scheduled": 3, "manual": 3}, 1, {"scheduled": 1}),
        ({"manual": 1}, 2, {"scheduled": 2}),
        ({}, 9, {"scheduled": 7, "manual": 2}),
    ],
)
def test_types_of_runs_alternate(active: dict[str, int], room: int, expected: dict[str, int]) -> None:
    runs = [waiting("d", number, "scheduled") for number in range(30)]
    runs += [waiting("d", 100 + number, "manual") for number in range(2)]
    chosen, _ = start_runs.choose(runs, {"d": RunningRuns(active, room + sum(active.values()))})
    assert Counter(run.run_type for run in chosen) == expected
    scheduled = [run for run in chosen if run.run_type == "scheduled"]
    assert scheduled == runs[: len(scheduled)]


async def test_a_person_does_not_wait_for_a_long_catch_up(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", max_active_runs=2))
    for _ in range(110):
        await engine.create("d", run_type="scheduled")
    engine.clock.advance(1)
    await engine.create("d", run_id="mine")
    await engine.settle()
    states = await engine.run_states()
    assert states["mine"] == "running"
    assert Counter(states.values()) == {"running": 2, "queued": 109}


def waiting(dag_id: str, number: int, run_type: str = "manual") -> RunRow:
    """A queued run; the lower its number, the longer it waits."""
    at = START + timedelta(seconds=number)
    return RunRow(
        uid=f"{number:04}",
        dag_id=dag_id,
        run_id=f"r{number}",
        run_type=run_type,
        state=RunState.QUEUED,
        logical_date=at,
        shares_date=False,
        data_interval_start=at,
        data_interval_end=at,
        run_after=at,
        conf=b"{}",
        version_uid="v",
        unfinished=1,
        start_date=None,
    )


# --- tasks


async def test_no_more_tasks_of_a_dag_than_max_active_tasks(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", WIDE, max_active_tasks=3))
    for _ in range(4):
        assert len(engine.executor.started) == 0
        await engine.start()
        assert running(await engine.states(run)) in (3, 1)
        await engine.leave_all(engine.executor.started.values(), FINISHED)
    assert set((await engine.states(run)).values()) == {"success"}


async def test_max_active_tasks_counts_over_the_runs_of_a_dag(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", WIDE, max_active_tasks=5))
    await engine.create("d")
    await engine.start()
    assert len(engine.executor.started) == 5


async def test_deferred_tasks_do_not_count(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "b": []}, max_active_tasks=1))
    await engine.defer("a")
    assert await engine.states(run) == {"a": "deferred", "b": "running"}


async def test_no_more_tasks_than_the_executor_has_slots(engine: HandEngine) -> None:
    engine.executor.slots = 4
    run = await engine.run_of(dag_spec("d", WIDE))
    await engine.start()
    assert running(await engine.states(run)) == 4


async def test_a_dag_at_its_limit_starves_no_other(engine: HandEngine) -> None:
    engine.executor.slots = 4
    await engine.run_of(dag_spec("busy", WIDE, max_active_tasks=1, each={"priority_weight": 100}))
    other = await engine.run_of(dag_spec("other"))
    await engine.start()
    assert await engine.states(other) == {"a": "running"}


@pytest.mark.parametrize("dags", [1, 3])
async def test_dags_that_may_run_nothing_hide_no_other(engine: HandEngine, dags: int) -> None:
    engine.executor.slots = 2
    for number in range(dags):
        await engine.run_of(dag_spec(f"never{number}", WIDE, max_active_tasks=0, each={"priority_weight": 100}))
    other = await engine.run_of(dag_spec("other"))
    await engine.start()
    assert await engine.states(other) == {"a": "running"}


async def test_the_order_is_weight_then_age(engine: HandEngine) -> None:
    tasks = {"t2": {"priority_weight": 5}, "t7": {"priority_weight": 9}}
    engine.executor.slots = 1
    await engine.run_of(dag_spec("d", WIDE, tasks=tasks), run_id="older")
    engine.clock.advance(1)
    await engine.create("d", run_id="newer")
    order: list[tuple[str, str]] = []
    for _ in range(6):
        (task,) = (await engine.start()).values()
        order.append((task.instance.task_id, task.instance.run_id))
        await engine.ask(task, FINISHED)
        engine.executor.started.clear()
    assert order[:4] == [("t7", "older"), ("t7", "newer"), ("t2", "older"), ("t2", "newer")]
    assert {run_id for _, run_id in order[4:]} == {"older"}


# --- resumes and new tasks


def candidates(number: int, *, is_resume: bool, dag_id: str = "d") -> list[InstanceRow]:
    kind = "resume" if is_resume else "fresh"
    return [
        InstanceRow(
            f"{kind}{n}",
            "run",
            dag_id,
            "r",
            f"t{n}",
            -1,
            None,
            TaskState.SCHEDULED,
            epoch=1,
            try_number=1,
            max_tries=0,
            rescues=0,
            is_resume=is_resume,
            session=None,
            start_date=None,
            deadline=None,
            seconds_left=None,
        )
        for n in range(number)
    ]


def kinds(chosen: list[InstanceRow]) -> tuple[int, int]:
    return sum(one.is_resume for one in chosen), sum(not one.is_resume for one in chosen)


def room(taken: dict[str, int] | None = None, **limits: int) -> Room:
    """What limits of DAGs leave."""
    left = Room(taken=taken or {})
    left.limit(limits)
    return left


@pytest.mark.parametrize(
    ("resumes", "fresh", "slots", "expected"),
    [
        (100, 100, 16, (12, 4)),
        (100, 2, 16, (14, 2)),
        (100, 0, 16, (16, 0)),
        (3, 100, 16, (3, 13)),
        (0, 100, 16, (0, 16)),
        (100, 100, 2, (1, 1)),
        (100, 100, 1, (1, 0)),
        (0, 5, 1, (0, 1)),
        (0, 0, 5, (0, 0)),
        (5, 5, 100, (5, 5)),
    ],
)
def test_resumes_come_first_and_new_tasks_keep_a_quarter(
    resumes: int, fresh: int, slots: int, expected: tuple[int, int]
) -> None:
    chosen = choose(
        candidates(resumes, is_resume=True),
        candidates(fresh, is_resume=False),
        slots=slots,
        busy=0,
        busy_fresh=0,
        room=room(d=1_000),
    )
    assert kinds(chosen) == expected


@pytest.mark.parametrize(
    ("running_fresh", "expected"),
    [(0, (0, 1)), (3, (0, 1)), (4, (1, 0)), (15, (1, 0))],
)
def test_the_share_holds_where_slots_become_free_one_by_one(running_fresh: int, expected: tuple[int, int]) -> None:
    chosen = choose(
        candidates(50, is_resume=True),
        candidates(50, is_resume=False),
        slots=1,
        busy=15,
        busy_fresh=running_fresh,
        room=room({"d": 15}, d=1_000),
    )
    assert kinds(chosen) == expected


def test_a_share_that_new_tasks_can_not_use_goes_to_resumes() -> None:
    chosen = choose(
        candidates(50, is_resume=True),
        candidates(50, is_resume=False, dag_id="full"),
        slots=16,
        busy=0,
        busy_fresh=0,
        room=room(d=1_000, full=1),
    )
    assert kinds(chosen) == (15, 1)


def test_limits_of_dags_count_resumes_and_new_tasks_together() -> None:
    chosen = choose(
        candidates(5, is_resume=True),
        candidates(5, is_resume=False),
        slots=10,
        busy=2,
        busy_fresh=1,
        room=room({"d": 2}, d=6),
    )
    assert len(chosen) == 4


async def test_k09_neither_side_starves_the_other(engine: HandEngine) -> None:
    """K09: Tasks that defer again and again at once would keep all slots; new ones get theirs all the same."""
    engine.executor.slots = 4
    looping = {f"loop{number}": [] for number in range(12)}
    await engine.run_of(dag_spec("loops", looping, max_active_tasks=100))
    while len(await engine.waits()) < len(looping):
        await engine.leave_all((await engine.start()).values(), deferral(poll()))
    late = await engine.run_of(dag_spec("late", WIDE, max_active_tasks=100))
    resumed = 0
    for _ in range(60):
        for row in await engine.waits():
            await accept_outcome(engine.store, row["uid"], row["token"], event())
        started = await engine.start()
        resumed += sum(task.resume is not None for task in started.values())
        # One slot becomes free at a time.
        oldest = next(iter(engine.executor.started.values()))
        del engine.executor.started[oldest.instance.id]
        await engine.ask(oldest, FINISHED if oldest.instance.dag_id == "late" else deferral(poll()))
    assert set((await engine.states(late)).values()) == {"success"}
    assert resumed >= 30
