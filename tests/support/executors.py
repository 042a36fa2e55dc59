"""Executors on real processes, with task instances in memory."""

from __future__ import annotations

import fcntl
import os
import threading
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from bide.authoring.loading import load_file
from bide.control.claims import Claim
from bide.engine.executors.contract import Executor
from bide.engine.executors.local import LocalExecutor, SharingExecutor
from bide.engine.template import Template
from bide.observe.clock import SystemClock
from bide.testing.events import GivenEvents
from bide.testing.executor import InlineExecutor, InlineLine
from bide.testing.inline_task import InlineTasks
from bide.testing.interrupts import InlineInterrupts
from bide.testing.output import heard
from bide.testing.results import Witness
from bide.wire.messages import RunTask
from tests.support.task_instances import TaskInstances

JOBS = '''
import fcntl, os, signal, subprocess, sys, threading
from pathlib import Path
from bide import DAG, BaseOperator, task

GATE = Path(__file__).with_name("gate")
KILLED = Path(__file__).with_name("killed")


class Stubborn(BaseOperator):
    """Holds out against everything but SIGKILL."""

    def execute(self, context):
        child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        context["ti"].xcom_push("begun", [os.getpid(), child.pid])
        signal.pause()


class Killable(BaseOperator):
    """Blocks on a pipe: ``on_kill`` may come in the midst of any line, where it could not take a lock again."""

    def execute(self, context):
        self.killed, self.kill = os.pipe()
        context["ti"].xcom_push("was_killed", KILLED.exists())
        context["ti"].xcom_push("begun", os.getpid())
        os.read(self.killed, 1)

    def on_kill(self):
        KILLED.write_text("on_kill was called")
        os.write(self.kill, b"!")


class HardOfHearing(BaseOperator):
    """The first SIGTERM is lost on it, as one is that comes just before a call that blocks."""

    def execute(self, context):
        usual = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *_: signal.signal(signal.SIGTERM, usual))
        context["ti"].xcom_push("begun", os.getpid())
        threading.Event().wait()


with DAG("jobs", schedule=None):

    @task
    def noop():
        return os.getpid()

    @task
    def fail():
        raise ValueError("as it should")

    @task
    def wait_at_gate(ti=None):
        ti.xcom_push("begun", os.getpid())
        with GATE.open() as gate:
            fcntl.flock(gate, fcntl.LOCK_SH)

    @task
    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    @task
    def exit_silently():
        os._exit(7)

    noop(), fail(), wait_at_gate(), die(), exit_silently()
    Stubborn(task_id="stubborn")
    Killable(task_id="killable")
    HardOfHearing(task_id="hard_of_hearing")
'''


#: By folder, the descriptor that holds the lock which is its gate.
_gates: dict[Path, int] = {}


def write_jobs(folder: Path, name: str = "jobs.py") -> Path:
    """A DAG file whose tasks tests can steer, behind the folder's gate, which is shut."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(JOBS)
    if folder not in _gates:
        _gates[folder] = os.open(folder / "gate", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(_gates[folder], fcntl.LOCK_EX)
    return path


def open_gate(folder: Path) -> None:
    """Let tasks go on that wait at the gate, and those that come later."""
    if folder in _gates:
        os.close(_gates.pop(folder))


@asynccontextmanager
async def running_template(folder: Path) -> AsyncIterator[Template]:
    """A template process of its own store."""
    template = Template(store_id=uuid.uuid4().hex, output=folder / "runners.log")
    await template.start()
    try:
        yield template
    finally:
        await template.stop()


@asynccontextmanager
async def local_executor(
    template: Template,
    instances: TaskInstances,
    *,
    isolation: Literal["worker", "process"] = "worker",
    parallelism: int = 4,
    **options: Any,
) -> AsyncIterator[LocalExecutor]:
    """A started local executor; stopped at the end, if the test has not done so."""
    executor = LocalExecutor(
        template,
        instances,
        parallelism=parallelism,
        session=uuid.uuid4().hex[:8],
        clock=SystemClock(),
        on_slots=instances.ring_slots,
        isolation=isolation,
        **options,
    )
    await executor.start()
    try:
        yield executor
    finally:
        await executor.stop(0.0)


@asynccontextmanager
async def sharing_executor(
    template: Template,
    instances: TaskInstances,
    *,
    parallelism: int = 4,
    tasks_per_worker: int = 100,
    grace: float = 60.0,
    idle_after: float = 60.0,
) -> AsyncIterator[SharingExecutor]:
    """The same, with async tasks that share processes."""
    session = uuid.uuid4().hex[:8]
    plain = LocalExecutor(
        template,
        instances,
        parallelism=parallelism,
        session=session,
        clock=SystemClock(),
        on_slots=instances.ring_slots,
        grace=grace,
        idle_after=idle_after,
    )
    executor = SharingExecutor(
        plain,
        template,
        instances,
        session=session,
        tasks_per_worker=tasks_per_worker,
        grace=grace,
        idle_after=idle_after,
        on_slots=instances.ring_slots,
    )
    await executor.start()
    try:
        yield executor
    finally:
        await executor.stop(0.0)


@asynccontextmanager
async def inline_executor(instances: TaskInstances, *, parallelism: int = 4) -> AsyncIterator[InlineExecutor]:
    """A started inline executor, whose tasks run in threads of this process."""
    files: dict[str, InlineTasks] = {}
    lock = threading.Lock()

    def run(order: RunTask, line: InlineLine, interrupts: InlineInterrupts) -> None:
        with lock:
            if order.dag_file not in files:
                dag = load_file(order.dag_file, order.dag_folder).dags["jobs"]
                files[order.dag_file] = InlineTasks(
                    dag=dag,
                    clock=SystemClock(),
                    events=GivenEvents(None, dag),
                    witness=Witness(),
                    finish_lines=finish_lines,
                )
        files[order.dag_file](order, line, interrupts)

    with heard(time.time) as finish_lines:
        executor = InlineExecutor(
            instances, run, slots=parallelism, at_once=parallelism, callers=0, on_slots=instances.ring_slots
        )
        await executor.start()
        try:
            yield executor
        finally:
            await executor.stop(0.0)


def begun(instances: TaskInstances, claim: Claim) -> bool:
    """Whether the task has said that it runs."""
    return "begun" in instances[claim].xcoms


async def until_begun(instances: TaskInstances, *claims: Claim) -> None:
    """Wait until the tasks have said that they run."""
    await instances.until(lambda: all(begun(instances, claim) for claim in claims))


async def until_free(instances: TaskInstances, executor: Executor, slots: int) -> None:
    """Wait until so many slots are free."""
    await instances.until(lambda: executor.free_slots() == slots)
