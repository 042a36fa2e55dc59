"""What every executor does, as its contract says: :mod:`bide.engine.executors.contract`."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio

from bide.control.claims import Claim
from bide.engine.executors.contract import Executor
from bide.engine.template import Template
from tests.support.executors import (
    inline_executor,
    local_executor,
    open_gate,
    running_template,
    until_begun,
    until_free,
    write_jobs,
)
from tests.support.processes import alive, until_gone
from tests.support.task_instances import TaskInstances

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("no_blocking")]

#: Seconds from SIGTERM to SIGKILL, where a test wants to see it; else long enough never to come.
SHORT_GRACE, LONG_GRACE = 0.1, 60.0

#: Makes an executor with so many slots and such a grace.
Make = Callable[[int, float], AbstractAsyncContextManager[Executor]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "dags"


@pytest.fixture
def jobs(folder: Path) -> Iterator[Path]:
    yield write_jobs(folder)
    open_gate(folder)


@pytest.fixture
def instances(tmp_path: Path) -> TaskInstances:
    return TaskInstances(tmp_path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def template(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Template]:
    async with running_template(tmp_path_factory.mktemp("template")) as running:
        yield running


#: For what an executor can only do that gives each task a process which can be killed.
processes = pytest.mark.parametrize("make", ["local", "local-process"], indirect=True)


@pytest.fixture(params=["local", "local-process", "inline"])
def make(request: pytest.FixtureRequest, template: Template, instances: TaskInstances) -> Make:
    """Each implementation has an entry among the parameters."""
    if request.param == "inline":
        return lambda parallelism, grace: inline_executor(instances, parallelism=parallelism)
    isolation: Literal["worker", "process"] = "worker" if request.param == "local" else "process"
    return lambda parallelism, grace: local_executor(
        template, instances, isolation=isolation, parallelism=parallelism, grace=grace
    )


@pytest_asyncio.fixture(loop_scope="module")
async def executor(make: Make) -> AsyncIterator[Executor]:
    async with make(4, LONG_GRACE) as made:
        yield made


def begun_pid(instances: TaskInstances, claim: Claim) -> int:
    return json.loads(instances[claim].xcoms["begun"])


async def test_a_claim_is_started_and_ends(executor: Executor, instances: TaskInstances, jobs: Path):
    claims = [instances.claim(jobs, "noop") for _ in range(10)]
    executor.submit(claims[:4])
    await instances.until_state(claims[:4], "success")
    executor.submit(claims[4:8])
    await instances.until_state(claims[4:8], "success")
    assert all(instances[claim].history == ["queued", "running", "success"] for claim in claims[:8])
    await until_free(instances, executor, 4)
    assert executor.running() == {}


async def test_a_failure_is_reported_by_the_runner(executor: Executor, instances: TaskInstances, jobs: Path):
    claim = instances.claim(jobs, "fail")
    executor.submit([claim])
    await instances.until_state([claim], "failed")
    assert "as it should" in instances[claim].final.error
    assert "ValueError: as it should" in instances.log_of(claim)


async def test_what_has_not_ended_holds_its_slot(
    executor: Executor, instances: TaskInstances, jobs: Path, folder: Path
):
    assert executor.free_slots() == 4
    waiting = [instances.claim(jobs, "wait_at_gate") for _ in range(3)]
    executor.submit(waiting)
    assert executor.free_slots() == 1
    await until_begun(instances, *waiting)
    assert executor.free_slots() == 1
    assert executor.running() == {claim.instance.id: 2 for claim in waiting}
    rung = instances.slots_rung
    open_gate(folder)
    await instances.until_state(waiting, "success")
    await until_free(instances, executor, 4)
    # They are told together, a moment later.
    await instances.until(lambda: instances.slots_rung > rung)


async def test_a_claim_that_has_moved_on_is_forgotten(executor: Executor, instances: TaskInstances, jobs: Path):
    gone, kept = instances.claim(jobs, "noop"), instances.claim(jobs, "noop")
    instances.move_on(gone)
    executor.submit([gone, kept])
    await instances.until_state([kept], "success")
    await until_free(instances, executor, 4)
    assert instances[gone].history == ["queued", "failed"]


async def test_claims_of_several_files_run_at_once(
    executor: Executor, instances: TaskInstances, jobs: Path, folder: Path
):
    other = write_jobs(folder, "other.py")
    claims = [instances.claim(file, "wait_at_gate") for file in (jobs, other)]
    executor.submit(claims)
    await until_begun(instances, *claims)
    pids = {begun_pid(instances, claim) for claim in claims}
    assert len(pids) == 2 or pids == {os.getpid()}
    open_gate(folder)
    await instances.until_state(claims, "success")


async def test_claims_start_in_the_order_given(make: Make, instances: TaskInstances, jobs: Path):
    async with make(1, LONG_GRACE) as executor:
        started: list[str] = []
        for _ in range(4):
            claim = instances.claim(jobs, "noop")
            executor.submit([claim])
            await until_free(instances, executor, 1)
            started.append(claim.instance.id)
        assert [one for batch in instances.starts for one in batch] == started


@processes
async def test_a_runner_that_dies_is_lost(executor: Executor, instances: TaskInstances, jobs: Path):
    """Told by the executor, or by what of the runner is left."""
    claim = instances.claim(jobs, "die")
    executor.submit([claim])
    await instances.until_state([claim], "lost", "failed")
    said = instances[claim].error or instances[claim].final.error
    assert "signal 9 (SIGKILL), maybe out of memory" in said
    assert said in instances.log_of(claim)
    await until_free(instances, executor, 4)


@processes
async def test_a_runner_that_exits_is_lost(executor: Executor, instances: TaskInstances, jobs: Path):
    claim = instances.claim(jobs, "exit_silently")
    executor.submit([claim])
    await instances.until_state([claim], "lost", "failed")
    assert "code 7" in (instances[claim].error or instances[claim].final.error)


@processes
async def test_a_death_harms_no_other(executor: Executor, instances: TaskInstances, jobs: Path, folder: Path):
    waiting, dying = instances.claim(jobs, "wait_at_gate"), instances.claim(jobs, "die")
    executor.submit([waiting])
    await until_begun(instances, waiting)
    executor.submit([dying])
    await instances.until_state([dying], "lost", "failed")
    open_gate(folder)
    await instances.until_state([waiting], "success")


async def test_cancel_calls_on_kill_and_frees_the_slot(
    executor: Executor, instances: TaskInstances, jobs: Path, folder: Path
):
    claim = instances.claim(jobs, "killable")
    executor.submit([claim])
    await until_begun(instances, claim)
    instances.move_on(claim)
    executor.cancel(claim.instance.id, 2)
    await until_free(instances, executor, 4)
    assert (folder / "killed").read_text() == "on_kill was called"
    assert instances[claim].history == ["queued", "running", "failed"]
    if begun_pid(instances, claim) != os.getpid():
        await until_gone(begun_pid(instances, claim))


@processes
async def test_cancel_asks_again_if_the_signal_was_lost(make: Make, instances: TaskInstances, jobs: Path):
    async with make(4, LONG_GRACE) as executor:
        claim = instances.claim(jobs, "hard_of_hearing")
        executor.submit([claim])
        await until_begun(instances, claim)
        instances.move_on(claim)
        executor.cancel(claim.instance.id)
        await until_free(instances, executor, 4)
        assert instances[claim].history == ["queued", "running", "failed"]


@processes
async def test_cancel_kills_what_does_not_listen_with_its_children(
    make: Make, instances: TaskInstances, jobs: Path
):
    async with make(4, SHORT_GRACE) as executor:
        claim = instances.claim(jobs, "stubborn")
        executor.submit([claim])
        await until_begun(instances, claim)
        instances.move_on(claim)
        executor.cancel(claim.instance.id)
        await until_free(instances, executor, 4)
        assert [alive(pid) for pid in json.loads(instances[claim].xcoms["begun"])] == [False, False]
        assert instances[claim].history == ["queued", "running", "failed"]


async def test_cancel_of_another_epoch_is_none_of_its_business(
    executor: Executor, instances: TaskInstances, jobs: Path, folder: Path
):
    claim = instances.claim(jobs, "wait_at_gate")
    executor.submit([claim])
    await until_begun(instances, claim)
    executor.cancel(claim.instance.id, 1)
    executor.cancel("unknown")
    open_gate(folder)
    await instances.until_state([claim], "success")


@pytest.mark.parametrize("told_first", [True, False], ids=["cancel first", "claim first"])
async def test_a_cleared_instance_starts_again_when_its_last_try_is_over(
    executor: Executor, instances: TaskInstances, jobs: Path, folder: Path, told_first: bool
):
    claim = instances.claim(jobs, "killable")
    executor.submit([claim])
    await until_begun(instances, claim)
    last = begun_pid(instances, claim)
    assert instances[claim].xcoms.pop("was_killed") == b"false"
    del instances[claim].xcoms["begun"]
    epoch = instances[claim].epoch
    instances[claim].move("queued", fence=True)
    again = claim._replace(epoch=epoch + 1)
    if told_first:
        executor.cancel(claim.instance.id, epoch)
    executor.submit([again])
    if not told_first:
        executor.cancel(claim.instance.id, epoch)
    await until_begun(instances, claim)
    assert instances[claim].xcoms["was_killed"] == b"true", "on_kill comes before the next try"
    if last != os.getpid():
        assert begun_pid(instances, claim) != last
    assert instances[claim].history == ["queued", "running", "queued", "running"]
    instances.move_on(claim)
    executor.cancel(claim.instance.id)
    await until_free(instances, executor, 4)


async def test_cancel_before_the_start_forgets_the_claim(make: Make, instances: TaskInstances, jobs: Path):
    async with make(1, LONG_GRACE) as executor:
        claim = instances.claim(jobs, "noop")
        executor.submit([claim])
        instances.move_on(claim)
        executor.cancel(claim.instance.id)
        await until_free(instances, executor, 1)
        assert instances.starts == []


async def test_cancel_during_the_start_does_not_run_the_task(make: Make, instances: TaskInstances, jobs: Path):
    async with make(1, LONG_GRACE) as executor:
        claim, following = instances.claim(jobs, "killable"), instances.claim(jobs, "noop")
        instances.before = lambda name, ids: (
            executor.cancel(claim.instance.id) if name == "start" and claim.instance.id in ids else None
        )
        executor.submit([claim])
        await until_free(instances, executor, 1)
        executor.submit([following])
        await instances.until_state([following], "success")
        assert "begun" not in instances[claim].xcoms


async def test_a_start_that_the_store_can_not_take_is_repeated(
    executor: Executor, instances: TaskInstances, jobs: Path
):
    failed: list[list[str]] = []

    def fail_once(name: str, ids: list[str]) -> None:
        if name == "start" and not failed:
            failed.append(ids)
            raise OSError("disk on fire")

    instances.before = fail_once
    claims = [instances.claim(jobs, "noop") for _ in range(2)]
    executor.submit(claims)
    await instances.until_state(claims, "success")
    assert failed
    assert all(instances[claim].history == ["queued", "running", "success"] for claim in claims)


async def test_stop_lets_tasks_end_and_gives_back_what_has_not_begun(
    make: Make, instances: TaskInstances, jobs: Path, folder: Path
):
    async with make(1, LONG_GRACE) as executor:
        running = instances.claim(jobs, "wait_at_gate")
        executor.submit([running])
        await until_begun(instances, running)
        late = instances.claim(jobs, "noop")

        def at_give_back(name: str, ids: list[str]) -> None:
            if name == "give_back":
                open_gate(folder)

        instances.before = at_give_back
        executor.submit([late])
        await executor.stop(30.0)
        assert instances[late].history == ["queued", "scheduled"]
        assert instances[running].history == ["queued", "running", "success"]
        assert executor.free_slots() == 0
        after = instances.claim(jobs, "noop")
        executor.submit([after])
        await instances.until_state([after], "scheduled")


@processes
async def test_stop_kills_and_gives_back_what_takes_too_long(make: Make, instances: TaskInstances, jobs: Path):
    async with make(4, LONG_GRACE) as executor:
        stubborn, killable = instances.claim(jobs, "stubborn"), instances.claim(jobs, "killable")
        executor.submit([stubborn, killable])
        await until_begun(instances, stubborn, killable)
        await executor.stop(0.0)
        pids = [*json.loads(instances[stubborn].xcoms["begun"]), begun_pid(instances, killable)]
        assert [alive(pid) for pid in pids] == [False, False, False]
        for claim in (stubborn, killable):
            assert instances[claim].history == ["queued", "running", "scheduled"]


@processes
async def test_stop_does_not_call_on_kill(executor: Executor, instances: TaskInstances, jobs: Path, folder: Path):
    """The job outside goes on, and the next segment attaches to it."""
    claim = instances.claim(jobs, "killable")
    executor.submit([claim])
    await until_begun(instances, claim)
    await executor.stop(0.0)
    assert not (folder / "killed").exists()
