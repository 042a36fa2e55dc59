"""Async tasks, many to a worker process."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bide.control.claims import Claim
from bide.engine.template import Template
from tests.support.executors import (
    open_gate,
    running_template,
    sharing_executor,
    until_begun,
    until_free,
    write_jobs,
)
from tests.support.processes import until_gone
from tests.support.task_instances import TaskInstances

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("no_blocking")]

ASYNC_JOBS = '''

import asyncio, contextvars, logging, time
from bide import BaseAsyncOperator

HERE = Path(__file__).parent
BARRIER = asyncio.Barrier(20)


def at_gate():
    with GATE.open() as gate:
        fcntl.flock(gate, fcntl.LOCK_SH)


class Polite(BaseOperator):
    async def execute(self, context):
        context["ti"].xcom_push("begun", os.getpid())
        await asyncio.sleep(1000)

    def on_kill(self):
        (HERE / "killed").write_text("on_kill was called")


class Deaf(BaseAsyncOperator):
    """Goes on whatever happens."""

    async def aexecute(self, context):
        context["ti"].xcom_push("begun", os.getpid())
        while True:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                (HERE / "heard").touch()


with DAG("jobs", schedule=None) as dag:

    @task
    async def meet(ti=None):
        print("first line of", ti.id)
        await BARRIER.wait()
        logging.getLogger("mine").info("met as %s", ti.id)
        await asyncio.to_thread(print, "from a thread of", ti.id)
        await asyncio.get_running_loop().run_in_executor(None, print, "from another of", ti.id)
        ti.xcom_push("own", ti.id)
        return os.getpid()

    @task
    async def pause(ti=None):
        ti.xcom_push("begun", os.getpid())
        await asyncio.to_thread(at_gate)
        return os.getpid()

    @task
    async def block(ti=None):
        ti.xcom_push("begun", os.getpid())
        at_gate()
        return os.getpid()

    @task
    async def sleep_for_ever(ti=None):
        ti.xcom_push("begun", os.getpid())
        await asyncio.sleep(1000)

    @task
    async def leave_tasks_behind(ti=None):
        async def forgotten():
            try:
                await asyncio.sleep(1000)
            finally:
                (HERE / "forgotten").touch()

        asyncio.create_task(forgotten())
        await asyncio.sleep(0)

    @task
    async def exit_politely():
        sys.exit(3)

    @task
    async def raise_error():
        await asyncio.sleep(0)
        raise ValueError("as it should")

    @task
    async def exit_process(ti=None):
        ti.xcom_push("begun", os.getpid())
        await asyncio.to_thread(at_gate)
        os._exit(7)

    @task
    def plain_pid():
        return os.getpid()

    @task
    async def change_all():
        os.environ["CHANGED"] = "yes"
        os.chdir("/")

    @task
    async def look():
        return [os.environ.get("CHANGED"), os.getcwd()]

    meet(), pause(), block(), sleep_for_ever(), leave_tasks_behind(), exit_politely(), raise_error(), exit_process()
    change_all(), look(), plain_pid()
    Polite(task_id="polite")
    Deaf(task_id="deaf")
'''


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def template(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Template]:
    async with running_template(tmp_path_factory.mktemp("template")) as running:
        yield running


@pytest.fixture
def instances(tmp_path: Path) -> TaskInstances:
    return TaskInstances(tmp_path)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Path]:
    path = write_jobs(tmp_path / "dags")
    text = path.read_text()
    path.write_text(text[: text.index('with DAG("jobs"')] + ASYNC_JOBS)
    yield path
    open_gate(path.parent)


def claims_of(instances: TaskInstances, jobs: Path, task_id: str, number: int = 1) -> list[Claim]:
    return [instances.claim(jobs, task_id, is_async=True) for _ in range(number)]


def result_of(instances: TaskInstances, claim: Claim) -> object:
    return json.loads(instances[claim].final.return_value)


def begun_in(instances: TaskInstances, claim: Claim) -> int:
    return json.loads(instances[claim].xcoms["begun"])


async def test_many_run_at_once_in_one_process(template: Template, instances: TaskInstances, jobs: Path):
    """Each waits for all others: one process and one slot are enough for twenty."""
    async with sharing_executor(template, instances) as executor:
        claims = claims_of(instances, jobs, "meet", 20)
        for start in range(0, 20, 4):
            executor.submit(claims[start : start + 4])
            await instances.until(lambda: executor.free_slots() >= 3)
        await instances.until_state(claims, "success")
        assert {result_of(instances, claim) for claim in claims} == set(executor.pids())
        assert len(executor.pids()) == 1
        for claim in claims:
            uid = claim.instance.id
            assert json.loads(instances[claim].xcoms["own"]) == uid
            log = instances.log_of(claim)
            for text in ("first line of", "met as", "from a thread of", "from another of"):
                assert f"{text} {uid}" in log
            assert not [one for one in claims if one is not claim and f" {one.instance.id}\n" in log]


async def test_a_full_process_is_followed_by_another(template: Template, instances: TaskInstances, jobs: Path):
    async with sharing_executor(template, instances, parallelism=2, tasks_per_worker=3) as executor:
        first = claims_of(instances, jobs, "pause", 2)
        executor.submit(first)
        await until_begun(instances, *first)
        assert executor.free_slots() == 1
        more = claims_of(instances, jobs, "pause", 1)
        executor.submit(more)
        await until_begun(instances, *more)
        assert executor.free_slots() == 1
        last = claims_of(instances, jobs, "pause", 1)
        executor.submit(last)
        await until_begun(instances, *last)
        assert executor.free_slots() == 0
        assert len(executor.pids()) == 2
        assert executor.running() == {claim.instance.id: 2 for claim in [*first, *more, *last]}
        open_gate(jobs.parent)
        await instances.until_state([*first, *more, *last], "success")
        await until_free(instances, executor, 2)
        assert executor.running() == {}


async def test_endings_are_each_tasks_own(template: Template, instances: TaskInstances, jobs: Path):
    async with sharing_executor(template, instances) as executor:
        staying = claims_of(instances, jobs, "pause")
        executor.submit(staying)
        await until_begun(instances, *staying)
        wrong, gone, left = (
            claims_of(instances, jobs, name)[0] for name in ("raise_error", "exit_politely", "leave_tasks_behind")
        )
        executor.submit([wrong, gone, left])
        await instances.until_state([wrong, gone], "failed")
        await instances.until_state([left], "success")
        assert "ValueError: as it should" in instances.log_of(wrong)
        assert "sys.exit(3)" in instances.log_of(gone)
        assert (jobs.parent / "forgotten").exists()
        open_gate(jobs.parent)
        await instances.until_state(staying, "success")
        assert result_of(instances, staying[0]) == begun_in(instances, staying[0])


async def test_a_cancel_ends_one_and_no_other(template: Template, instances: TaskInstances, jobs: Path):
    async with sharing_executor(template, instances) as executor:
        staying, polite = claims_of(instances, jobs, "pause"), claims_of(instances, jobs, "polite")
        executor.submit([*staying, *polite])
        await until_begun(instances, *staying, *polite)
        instances.move_on(polite[0])
        executor.cancel(polite[0].instance.id)
        await instances.until(lambda: executor.running().keys() == {staying[0].instance.id})
        assert (jobs.parent / "killed").read_text() == "on_kill was called"
        assert "killed by its supervisor" in instances.log_of(polite[0])
        open_gate(jobs.parent)
        await instances.until_state(staying, "success")


async def test_a_deadline_ends_one_and_no_other(template: Template, instances: TaskInstances, jobs: Path):
    async with sharing_executor(template, instances) as executor:
        staying = claims_of(instances, jobs, "pause")
        late = instances.claim(jobs, "sleep_for_ever", is_async=True, deadline=time.time() + 0.1)
        executor.submit([*staying, late])
        await instances.until_state([late], "failed")
        assert "execution_timeout of 0.1 s is over" in instances[late].final.error
        open_gate(jobs.parent)
        await instances.until_state(staying, "success")


async def test_a_coroutine_that_blocks_can_be_ended(template: Template, instances: TaskInstances, jobs: Path):
    async with sharing_executor(template, instances) as executor:
        blocking = claims_of(instances, jobs, "block")
        executor.submit(blocking)
        await until_begun(instances, *blocking)
        instances.move_on(blocking[0])
        executor.cancel(blocking[0].instance.id)
        await instances.until(lambda: not executor.running())
        assert "killed by its supervisor" in instances.log_of(blocking[0])


async def test_who_blocks_the_others_is_told_and_kept_apart(
    template: Template, instances: TaskInstances, jobs: Path
):
    async with sharing_executor(template, instances) as executor:
        staying = claims_of(instances, jobs, "sleep_for_ever")
        executor.submit(staying)
        await until_begun(instances, *staying)
        blocking = claims_of(instances, jobs, "block")
        executor.submit(blocking)
        await until_begun(instances, *blocking)
        shared = begun_in(instances, blocking[0])
        assert shared == begun_in(instances, staying[0])
        names = blocking[0].instance
        async with asyncio.timeout(30.0):
            while not executor.kept_apart.has(blocking[0]):
                await asyncio.sleep(0.01)
        assert "has held up the event loop" in instances.log_of(blocking[0])
        assert "at_gate()" in instances.log_of(blocking[0])
        again = claims_of(instances, jobs, "block")
        executor.submit(again)
        await until_begun(instances, *again)
        assert begun_in(instances, again[0]) != shared
        assert executor.running().keys() == {names.id, staying[0].instance.id, again[0].instance.id}
        open_gate(jobs.parent)
        await instances.until_state([*blocking, *again], "success")


async def test_a_process_that_dies_with_many_costs_none_a_try(
    template: Template, instances: TaskInstances, jobs: Path
):
    """Nobody knows who is to blame: each begins again, alone, and who dies there pays."""
    async with sharing_executor(template, instances) as executor:
        staying, deadly = (claims_of(instances, jobs, name) for name in ("sleep_for_ever", "exit_process"))
        executor.submit([*staying, *deadly])
        await until_begun(instances, *staying, *deadly)
        pid = begun_in(instances, deadly[0])
        given_up: list[str] = []
        instances.before = lambda name, ids: given_up.append(name) if name.startswith("give_up") else None
        open_gate(jobs.parent)
        await instances.until_state(deadly, "scheduled")
        await until_gone(pid)
        await instances.until_state(staying, "scheduled")
        assert set(given_up) == {"give_up counted"}
        again = instances.claim_again(deadly[0])
        executor.submit([again])
        await instances.until_state(deadly, "lost")
        assert "the worker process exited with code 7" in instances[deadly[0]].error


async def test_who_was_alone_pays_for_the_death_of_its_process(
    template: Template, instances: TaskInstances, jobs: Path
):
    async with sharing_executor(template, instances) as executor:
        deadly = claims_of(instances, jobs, "exit_process")
        open_gate(jobs.parent)
        executor.submit(deadly)
        await instances.until_state(deadly, "lost")
        assert "while it ran this task, the worker process exited with code 7" in instances.log_of(deadly[0])
        await until_free(instances, executor, 4)


async def test_who_does_not_end_is_killed_and_the_others_begin_again(
    template: Template, instances: TaskInstances, jobs: Path
):
    async with sharing_executor(template, instances, grace=0.1) as executor:
        staying, deaf = claims_of(instances, jobs, "pause"), claims_of(instances, jobs, "deaf")
        executor.submit([*staying, *deaf])
        await until_begun(instances, *staying, *deaf)
        instances.move_on(deaf[0])
        executor.cancel(deaf[0].instance.id)
        await instances.until_state(staying, "scheduled")
        await until_gone(begun_in(instances, deaf[0]))
        assert (jobs.parent / "heard").exists()
        await until_free(instances, executor, 4)


async def test_changed_code_is_run_by_a_fresh_process(template: Template, instances: TaskInstances, jobs: Path):
    async with sharing_executor(template, instances) as executor:
        staying = claims_of(instances, jobs, "pause")
        executor.submit(staying)
        await until_begun(instances, *staying)
        jobs.write_text(jobs.read_text().replace("[os.environ.get", "['new', os.environ.get"))
        fresh = claims_of(instances, jobs, "look")
        executor.submit(fresh)
        await instances.until_state(fresh, "success")
        assert result_of(instances, fresh[0])[0] == "new"
        pid = begun_in(instances, staying[0])
        open_gate(jobs.parent)
        await instances.until_state(staying, "success")
        await until_gone(pid)


async def test_what_a_task_changes_is_undone_when_none_is_left(
    template: Template, instances: TaskInstances, jobs: Path
):
    async with sharing_executor(template, instances) as executor:

        async def run(name: str) -> object:
            claims = claims_of(instances, jobs, name)
            executor.submit(claims)
            await instances.until_state(claims, "success")
            await until_free(instances, executor, 4)
            return result_of(instances, claims[0]) if name == "look" else None

        before = await run("look")
        await run("change_all")
        async with asyncio.timeout(30.0):
            # The process may be told of the next task before it is done with the last.
            while await run("look") != before:
                pass
        assert len(executor.pids()) == 1


async def test_no_more_workers_are_open_than_slots_are_left(
    template: Template, instances: TaskInstances, jobs: Path
):
    """A transaction that begins tasks itself counts shared processes too."""
    async with sharing_executor(template, instances, parallelism=1) as executor:
        warm = instances.claim(jobs, "plain_pid")
        executor.submit([warm])
        await instances.until_state([warm], "success")
        await until_free(instances, executor, 1)
        openings, number = executor.open_workers.take()
        assert sum(openings.workers.values()) == 1
        executor.open_workers.settle(openings, number, [])
        staying = claims_of(instances, jobs, "pause")
        executor.submit(staying)
        await until_begun(instances, *staying)
        assert executor.free_slots() == 0
        openings, number = executor.open_workers.take()
        assert sum(openings.workers.values()) == 0
        executor.open_workers.settle(openings, number, [])
        open_gate(jobs.parent)
        await instances.until_state(staying, "success")


async def test_idle_processes_retire(template: Template, instances: TaskInstances, jobs: Path):
    async with sharing_executor(template, instances, idle_after=0.0) as executor:
        open_gate(jobs.parent)
        claims = claims_of(instances, jobs, "pause")
        executor.submit(claims)
        await instances.until_state(claims, "success")
        await until_gone(begun_in(instances, claims[0]))
        again = claims_of(instances, jobs, "pause")
        executor.submit(again)
        await instances.until_state(again, "success")
        assert begun_in(instances, again[0]) != begun_in(instances, claims[0])


async def test_a_stop_gives_back_what_runs(template: Template, instances: TaskInstances, jobs: Path):
    async with sharing_executor(template, instances) as executor:
        claims = claims_of(instances, jobs, "pause", 2)
        executor.submit(claims)
        await until_begun(instances, *claims)
        pids = executor.pids()
    assert [instances[claim].state for claim in claims] == ["scheduled", "scheduled"]
    for pid in pids:
        await until_gone(pid)


async def test_an_instance_that_comes_again_waits_for_its_last_process(
    template: Template, instances: TaskInstances, jobs: Path
):
    async with sharing_executor(template, instances) as executor:
        first = claims_of(instances, jobs, "pause")
        executor.submit(first)
        await until_begun(instances, *first)
        instances.move_on(first[0])
        again = instances.claim_again(first[0])
        executor.submit([again])
        executor.cancel(first[0].instance.id, 2)
        open_gate(jobs.parent)
        await instances.until_state([again], "success")
        assert os.getpid() != result_of(instances, again)
