"""The local executor's own ways: warm workers, growth, stale code, deaths of other processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from bide.control.queue_tasks import Openings
from bide.engine.executors.local import LocalExecutor
from bide.engine.template import Template
from tests.support.executors import (
    local_executor,
    open_gate,
    running_template,
    until_begun,
    until_free,
    write_jobs,
)
from tests.support.processes import until_gone
from tests.support.task_instances import TaskInstances

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("no_blocking")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def template(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Template]:
    async with running_template(tmp_path_factory.mktemp("template")) as running:
        yield running


@pytest.fixture
def instances(tmp_path: Path) -> TaskInstances:
    return TaskInstances(tmp_path)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "dags"
    yield write_jobs(folder)
    open_gate(folder)


async def run_noop(executor: LocalExecutor, instances: TaskInstances, file: Path) -> int:
    """Run one task to its end; the process it ran in."""
    claim = instances.claim(file, "noop")
    executor.submit([claim])
    await instances.until_state([claim], "success")
    await until_free(instances, executor, 4)
    return json.loads(instances[claim].final.return_value)


async def test_a_warm_worker_is_used_again(template: Template, instances: TaskInstances, jobs: Path):
    async with local_executor(template, instances) as executor:
        pids = {await run_noop(executor, instances, jobs) for _ in range(5)}
        assert pids == set(executor.pids())
        assert len(pids) == 1


async def test_isolated_tasks_have_processes_of_their_own(template: Template, instances: TaskInstances, jobs: Path):
    async with local_executor(template, instances, isolation="process") as executor:
        pids = {await run_noop(executor, instances, jobs) for _ in range(3)}
        assert len(pids) == 3
        assert len(executor.pids()) == 1
        assert not pids & set(executor.pids())


async def test_workers_of_other_files_make_room(template: Template, instances: TaskInstances, jobs: Path):
    files = [write_jobs(jobs.parent, f"file{number}.py") for number in range(5)]
    async with local_executor(template, instances) as executor:
        first = await run_noop(executor, instances, files[0])
        for file in files[1:]:
            await run_noop(executor, instances, file)
        await until_gone(first)
        assert len(executor.pids()) == 4


async def test_idle_workers_retire(template: Template, instances: TaskInstances, jobs: Path):
    async with local_executor(template, instances, idle_after=0.0) as executor:
        pid = await run_noop(executor, instances, jobs)
        await until_gone(pid)
        assert await run_noop(executor, instances, jobs) != pid


async def test_long_tasks_get_a_worker_each(template: Template, instances: TaskInstances, jobs: Path):
    async with local_executor(template, instances, parallelism=8, cores=1) as executor:
        claims = [instances.claim(jobs, "wait_at_gate") for _ in range(8)]
        executor.submit(claims)
        await until_begun(instances, *claims)
        assert len(executor.pids()) == 8
        open_gate(jobs.parent)
        await instances.until_state(claims, "success")


async def test_starts_go_to_the_store_in_bulk(template: Template, instances: TaskInstances, jobs: Path):
    async with local_executor(template, instances, cores=4) as executor:
        warm = [instances.claim(jobs, "wait_at_gate") for _ in range(4)]
        executor.submit(warm)
        await until_begun(instances, *warm)
        open_gate(jobs.parent)
        await instances.until_state(warm, "success")
        await until_free(instances, executor, 4)
        claims = [instances.claim(jobs, "noop") for _ in range(4)]
        executor.submit(claims)
        await instances.until_state(claims, "success")
        assert instances.starts[-1] == [claim.instance.id for claim in claims]


async def test_changed_code_is_run_by_a_fresh_worker(template: Template, instances: TaskInstances, jobs: Path):
    async with local_executor(template, instances) as executor:
        before = await run_noop(executor, instances, jobs)
        jobs.write_text(jobs.read_text().replace("return os.getpid()", "return -os.getpid()"))
        after = -await run_noop(executor, instances, jobs)
        assert after > 0
        assert after != before
        await until_gone(before)
        assert all(one.history == ["queued", "running", "success"] for one in instances.instances.values())


async def test_an_idle_worker_that_is_killed_costs_nothing(
    template: Template, instances: TaskInstances, jobs: Path
):
    async with local_executor(template, instances) as executor:
        pid = await run_noop(executor, instances, jobs)
        os.kill(pid, signal.SIGKILL)
        await until_gone(pid)
        async with asyncio.timeout(10):
            while pid in executor.pids():
                await asyncio.sleep(0)
        await run_noop(executor, instances, jobs)
        assert all(one.history == ["queued", "running", "success"] for one in instances.instances.values())


async def test_a_template_that_dies_costs_no_try(template: Template, instances: TaskInstances, jobs: Path):
    async with local_executor(template, instances) as executor:
        claims = [instances.claim(jobs, "wait_at_gate") for _ in range(2)]
        executor.submit(claims)
        await until_begun(instances, *claims)
        assert template.pid is not None
        commands: list[str] = []
        instances.before = lambda name, ids: commands.append(name)
        os.kill(template.pid, signal.SIGKILL)
        await instances.until_state(claims, "scheduled")
        assert commands == ["give_up counted"] * 2
        assert all(instances[claim].history == ["queued", "running", "scheduled"] for claim in claims)
        for claim in claims:
            await until_gone(json.loads(instances[claim].xcoms["begun"]))
        await until_free(instances, executor, 4)
        await run_noop(executor, instances, jobs)


async def test_workers_killed_in_a_storm_lose_nothing_silently(
    template: Template, instances: TaskInstances, jobs: Path
):
    """Every instance ends in some way, and the slots come back, whenever its worker was killed."""
    async with local_executor(template, instances) as executor:
        claims = [instances.claim(jobs, "noop") for _ in range(60)]
        left = list(claims)
        while left:
            batch = [left.pop() for _ in range(executor.free_slots()) if left]
            executor.submit(batch)
            await instances.until_state(batch, "running", "success", "lost")
            for pid in executor.pids()[:1]:
                # One that was killed last time is perhaps just being taken off the list.
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await until_free(instances, executor, 4)
        assert {instances[one].history[-1] for one in claims} <= {"success", "lost"}
        assert all(len(instances[one].history) == 3 for one in claims)


async def test_a_fenced_request_ends_the_task(template: Template, instances: TaskInstances, jobs: Path):
    """Its runner says nothing more, so the slot must come back without a cancel from outside."""
    told = "fcntl.flock(gate, fcntl.LOCK_SH)"
    jobs.write_text(jobs.read_text().replace(told, f'{told}; ti.xcom_push("late", 1)'))
    async with local_executor(template, instances) as executor:
        claim = instances.claim(jobs, "wait_at_gate")
        executor.submit([claim])
        await until_begun(instances, claim)
        instances.move_on(claim)
        open_gate(jobs.parent)
        await until_free(instances, executor, 4)
        assert instances[claim].history == ["queued", "running", "failed"]


async def test_without_a_template_claims_wait(tmp_path: Path, instances: TaskInstances, jobs: Path):
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    (tmp_path / "argparse.py").write_text("raise RuntimeError('in the way')\n")
    template = Template(store_id="waits", output=tmp_path / "runners.log", environment=environment)
    await template.start()
    try:
        async with local_executor(template, instances) as executor:
            claim = instances.claim(jobs, "noop")
            executor.submit([claim])
            log = tmp_path / "runners.log"
            async with asyncio.timeout(20):
                while not log.exists() or log.read_text().count("in the way") < 5:
                    await asyncio.sleep(0)
            assert instances[claim].state == "queued"
            (tmp_path / "argparse.py").unlink()
            await instances.until_state([claim], "success")
    finally:
        await template.stop()


async def test_k07_a_next_try_that_comes_before_the_last_is_put_away_is_begun(
    template: Template, instances: TaskInstances, jobs: Path, monkeypatch: pytest.MonkeyPatch
):
    """The scheduler may be quicker than the executor that has told it of a death."""
    async with local_executor(template, instances) as executor:
        claim = instances.claim(jobs, "die")
        lose = instances.lose_task

        async def and_try_again(instance_id: str, epoch: int, *, error: str) -> bool:
            lost = await lose(instance_id, epoch, error=error)
            instance = instances.instances[instance_id]
            instance.move("queued")
            executor.submit([claim._replace(epoch=instance.epoch)])
            # The executor has looked at it, and knows that the last try is not put away.
            for _ in range(3):
                await asyncio.sleep(0)
            return lost

        monkeypatch.setattr(instances, "lose_task", and_try_again)
        executor.submit([claim])
        await instances.until(lambda: instances[claim].history.count("running") == 3)
        instances.move_on(claim)


# --- tasks that a transaction has begun


async def promised(executor: LocalExecutor, file: Path) -> tuple[Openings, int]:
    """Take all workers that are open for tasks of `file`, as a transaction does; there is one."""
    async with asyncio.timeout(30):
        while True:
            openings, number = executor.open_workers.take()
            if openings.workers.get(str(file)):
                return openings, number
            executor.open_workers.settle(openings, number, [])
            await asyncio.sleep(0)


async def test_a_task_that_has_begun_goes_to_the_worker_that_was_promised(
    template: Template, instances: TaskInstances, jobs: Path
):
    async with local_executor(template, instances) as executor:
        pid = await run_noop(executor, instances, jobs)
        openings, number = await promised(executor, jobs)
        assert openings.workers == {str(jobs): 1}
        claim = instances.claim(jobs, "noop")
        order = instances.begin(claim)
        executor.open_workers.settle(openings, number, [order])
        assert executor.open_workers.take()[0].workers == {}
        executor.begin([order])
        await instances.until_state([claim], "success")
        assert json.loads(instances[claim].final.return_value) == pid


async def test_one_whose_worker_has_died_meanwhile_gets_another(
    template: Template, instances: TaskInstances, jobs: Path
):
    async with local_executor(template, instances) as executor:
        pid = await run_noop(executor, instances, jobs)
        openings, number = await promised(executor, jobs)
        claim = instances.claim(jobs, "noop")
        order = instances.begin(claim)
        executor.open_workers.settle(openings, number, [order])
        os.kill(pid, signal.SIGKILL)
        await until_gone(pid)
        executor.begin([order])
        await instances.until_state([claim], "success")
        assert json.loads(instances[claim].final.return_value) != pid


async def test_what_comes_while_the_executor_stops_is_given_back(
    template: Template, instances: TaskInstances, jobs: Path
):
    async with local_executor(template, instances) as executor:
        await run_noop(executor, instances, jobs)
        openings, number = await promised(executor, jobs)
        claim = instances.claim(jobs, "noop")
        order = instances.begin(claim)
        executor.open_workers.settle(openings, number, [order])
        stopping = asyncio.create_task(executor.stop(30.0))
        await asyncio.sleep(0)
        assert not stopping.done(), "it waits for what it has promised"
        executor.begin([order])
        await stopping
        assert instances[claim].state == "scheduled"


async def test_a_promise_that_is_broken_off_does_not_hold_up_the_end(
    template: Template, instances: TaskInstances, jobs: Path
):
    async with local_executor(template, instances) as executor:
        await run_noop(executor, instances, jobs)
        openings, number = await promised(executor, jobs)
        order = instances.begin(instances.claim(jobs, "noop"))
        executor.open_workers.settle(openings, number, [order])
        stopping = asyncio.create_task(executor.stop(30.0))
        await asyncio.sleep(0)
        executor.open_workers.break_off([order])
        await stopping
