"""Workers, executors and engines that are gone: what that costs, and that nothing runs twice at once."""

from __future__ import annotations

import asyncio

import pytest

from bide.control.accept_event import accept_outcome
from bide.control.claim_waits import claim_waits, held_waits, release_waits, take_over_waits
from bide.control.lose_task import give_back, give_up_running, lose_task, rescue_lost
from bide.model.retries import MAX_RESCUES
from bide.wire.messages import Finish, Refused
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, event, poll, timer

pytestmark = pytest.mark.usefixtures("no_blocking")


async def rescued(engine: HandEngine) -> int:
    """The engine dies and the next one takes over; how many it rescued."""
    await engine.lose_engine()
    return await rescue_lost(engine.store, engine.session)


# --- a worker died alone


async def test_it_costs_a_try(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"retries": 1, "retry_delay": 60.0}))
    task = (await engine.start())["a"]
    assert await lose_task(engine.store, task.instance.id, task.epoch, error="killed by signal 9")
    row = await engine.instance("a")
    assert (row["state"], row["error"], row["try_number"]) == ("up_for_retry", "killed by signal 9", 1)
    engine.executor.started.clear()
    await engine.skip_to_next()
    again = (await engine.start())["a"]
    assert again.try_number == 2
    assert await lose_task(engine.store, again.instance.id, again.epoch, error="again")
    assert await engine.states() == {"a": "failed"}
    assert (await engine.instance("a"))["epoch"] > again.epoch, "a worker that speaks after all is fenced"


async def test_k03_a_death_that_is_reported_late_changes_nothing(engine: HandEngine) -> None:
    """K03: The process ended after its result was stored: the classical race of deferral."""
    await engine.run_of(dag_spec("d", each={"retries": 1}))
    task = (await engine.start())["a"]
    await engine.ask(task, deferral(timer(engine.clock.now())))
    assert not await lose_task(engine.store, task.instance.id, task.epoch, error="exited")
    assert await engine.states() == {"a": "deferred"}
    engine.executor.started.clear()
    resumed = (await engine.start())["a"]
    assert not await lose_task(engine.store, task.instance.id, task.epoch, error="exited")
    await engine.ask(resumed, Finish("success"))
    assert not await lose_task(engine.store, task.instance.id, resumed.epoch, error="exited")
    assert not await lose_task(engine.store, "unknown", 1, error="exited")
    assert await engine.states() == {"a": "success"}


async def test_a_lost_resume_begins_its_next_try_from_the_start(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"retries": 1, "retry_delay": 0.0}))
    await engine.defer("a", timer(engine.clock.now()))
    task = engine.started("a")
    assert task.resume is not None
    await lose_task(engine.store, task.instance.id, task.epoch, error="killed")
    engine.executor.started.clear()
    assert (await engine.start())["a"].resume is None


# --- the executor stops


async def test_what_it_had_not_begun_is_given_back(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    await engine.settle()
    claims = engine.executor.queued
    await give_back(engine.store, claims)
    engine.executor.queued = []
    assert set((await engine.states()).values()) == {"scheduled"}
    assert await engine.start()
    assert {(row["try_number"], row["rescues"]) for row in [await engine.instance("a")]} == {(1, 0)}
    await give_back(engine.store, claims)
    assert set((await engine.states()).values()) == {"running"}, "the old claims are worth nothing"


async def test_what_ran_is_given_up_without_a_try_or_a_rescue(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    tasks = await engine.start()
    held = [(task.instance.id, task.epoch) for task in tasks.values()]
    await engine.ask(tasks["b"], Finish("success"))
    await give_up_running(engine.store, [*held, ("unknown", 1)], by="executor")
    row = await engine.instance("a")
    assert (row["state"], row["try_number"], row["rescues"], row["session"]) == ("scheduled", 1, 0, None)
    assert await engine.states() == {"a": "scheduled", "b": "success"}
    assert isinstance(await engine.ask(tasks["a"], Finish("success")), Refused)


# --- the engine died


async def test_its_tasks_run_again_in_the_same_try(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": []}, max_active_tasks=1))
    before = (await engine.start())["a"]
    assert await rescued(engine) == 1
    again = (await engine.start())["a"]
    assert (again.try_number, again.epoch) == (1, before.epoch + 2)
    assert await engine.history("a") == [
        *("scheduled", "queued", "running"),
        *("scheduled", "queued", "running"),
    ]
    refused = await engine.ask(before, Finish("success"))
    assert isinstance(refused, Refused)
    assert await engine.states() == {"a": "running", "b": "scheduled"}


async def test_what_was_queued_costs_not_even_a_rescue(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.settle()
    for _ in range(MAX_RESCUES + 3):
        assert await rescued(engine) == 1
        await engine.settle()
    row = await engine.instance("a")
    assert (row["state"], row["rescues"], row["try_number"]) == ("queued", 0, 1)


async def test_after_three_rescues_it_fails_whatever_its_retries(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": ["a"]}, each={"retries": 5}))
    for number in range(1, MAX_RESCUES + 1):
        await engine.start()
        await rescued(engine)
        row = await engine.instance("a")
        assert (row["state"], row["rescues"], row["try_number"]) == ("scheduled", number, 1)
    task = (await engine.start())["a"]
    await rescued(engine)
    row = await engine.instance("a")
    assert row["state"] == "failed"
    assert "its engine died 4 times while it ran" in row["error"]
    assert row["epoch"] == task.epoch + 1
    await engine.settle()
    assert await engine.states() == {"a": "failed", "b": "upstream_failed"}


async def test_a_new_try_has_its_rescues_anew(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"retries": 1, "retry_delay": 0.0}))
    for _ in range(MAX_RESCUES):
        await engine.start()
        await rescued(engine)
    await engine.finish("a", "failed")
    row = await engine.instance("a")
    assert (row["try_number"], row["rescues"]) == (2, 0)


async def test_a_resumed_segment_runs_again_with_its_event(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.defer("a", timer(engine.clock.now(), event(b'"once"')))
    before = engine.started("a")
    await rescued(engine)
    again = (await engine.start())["a"]
    assert again.resume == before.resume
    assert again.resume is not None
    assert again.resume.event == b'"once"'


async def test_a_rescue_keeps_the_start_of_its_try_but_has_all_of_its_time(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"execution_timeout": 60.0}))
    first = (await engine.start())["a"]
    engine.clock.advance(3_600)
    await rescued(engine)
    again = (await engine.start())["a"]
    assert again.started_at == first.started_at
    assert again.deadline == engine.clock.now().timestamp() + 60
    assert await engine.states() == {"a": "running"}, "the engine was away, not the task too slow"


async def test_a_rescue_of_a_resume_keeps_the_limit_of_its_try(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"execution_timeout": 60.0}))
    await engine.start()
    await engine.defer("a", timer(engine.clock.now()))
    limit = engine.started("a").deadline
    await rescued(engine)
    assert (await engine.start())["a"].deadline == limit


async def test_deferred_tasks_need_no_rescue(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    await engine.defer("a")
    await engine.defer("b", timer(engine.clock.now().replace(year=2030)))
    assert await rescued(engine) == 0
    assert await engine.states() == {"a": "deferred", "b": "deferred"}


async def test_an_engine_does_not_rescue_from_itself(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.start()
    assert await rescue_lost(engine.store, engine.session) == 0


async def test_a_rescue_for_one_run_leaves_the_others(engine: HandEngine) -> None:
    first = await engine.run_of(dag_spec("d"))
    second = await engine.create("d")
    await engine.start()
    await engine.lose_engine()
    assert await rescue_lost(engine.store, engine.session, only=second.uid) == 1
    assert await engine.states(first) == {"a": "running"}


async def test_a_rescue_of_more_than_a_batch(engine: HandEngine) -> None:
    engine.heed_pools = False
    engine.executor.slots = 2_000
    await engine.run_of(dag_spec("d", {f"t{n}": [] for n in range(1_100)}, max_active_tasks=2_000))
    await engine.settle()
    assert await rescued(engine) == 1_100
    assert set((await engine.states()).values()) == {"scheduled"}


# --- leases of waits


async def three_waits(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", {"a": [], "b": [], "c": []}))
    for task_id in "abc":
        await engine.defer(task_id)
        engine.clock.advance(1)


async def claim(engine: HandEngine, session: str, limit: int = 10) -> list[tuple[str, int]]:
    loads = await claim_waits(engine.store, session, limit, logs=engine.logs)
    return [(load.wait_id, load.token) for load in loads]


async def test_a_wait_is_leased_to_one(engine: HandEngine) -> None:
    await three_waits(engine)
    claims = await asyncio.gather(*(claim(engine, f"s{number}", 2) for number in range(3)))
    assert sum(map(len, claims)) == 3
    assert len({wait_id for found in claims for wait_id, _ in found}) == 3
    assert await held_waits(engine.store, "s9") == set()


async def test_a_lease_has_all_that_a_trigger_runner_needs(engine: HandEngine) -> None:
    spec = dag_spec("d")
    await engine.run_of(spec)
    await engine.defer("a", poll())
    (load,) = await claim_waits(engine.store, "s", 10, logs=engine.logs)
    assert (load.kind, load.classpath, load.kwargs, load.interval) == ("poll", "waiting.Poll", b"{}", 5.0)
    assert (load.dag_file, load.dag_folder, load.try_number) == (spec.file, spec.folder, 1)
    assert load.instance.task_id == "a"
    assert load.log_path.endswith("1.log")


async def test_timers_are_not_leased(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.defer("a", timer(engine.clock.now().replace(year=2030)))
    assert await claim(engine, "s") == []


async def test_the_oldest_waits_are_leased_first(engine: HandEngine) -> None:
    await three_waits(engine)
    by_task = {row["uid"]: row["armed_at"] for row in await engine.waits()}
    found = [wait_id for _ in range(3) for wait_id, _ in await claim(engine, "s", 1)]
    assert found == sorted(by_task, key=lambda uid: by_task[uid])


async def test_what_is_released_is_leased_under_another_token(engine: HandEngine) -> None:
    await three_waits(engine)
    first = dict(await claim(engine, "s1"))
    one, *others = first
    waits = engine.store.bell.listen("waits")
    assert await release_waits(engine.store, "s2") == 0
    assert await release_waits(engine.store, "s1", [one]) == 1
    assert await waits.wait(0)
    assert await held_waits(engine.store, "s1") == set(others)
    second = dict(await claim(engine, "s2"))
    assert set(second) == {one}
    assert second[one] > first[one]


async def test_an_event_under_an_old_token_is_refused(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.defer("a")
    ((wait_id, old),) = await claim(engine, "s1")
    assert await take_over_waits(engine.store, "s2") == 1
    assert not await accept_outcome(engine.store, wait_id, old, event())
    ((_, new),) = await claim(engine, "s2")
    assert not await accept_outcome(engine.store, wait_id, old, event())
    assert await accept_outcome(engine.store, wait_id, new, event())
    assert not await accept_outcome(engine.store, wait_id, new, event())
    assert await engine.history("a") == ["scheduled", "queued", "running", "deferred", "scheduled"]


async def test_taking_over_leaves_ones_own(engine: HandEngine) -> None:
    await three_waits(engine)
    await claim(engine, "s1", 2)
    await claim(engine, "s2", 1)
    assert await take_over_waits(engine.store, "s2") == 2
    assert len(await held_waits(engine.store, "s2")) == 1
    assert len(await claim(engine, "s2")) == 2
