from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from bide.model.values import decode
from bide.wire.messages import (
    AnyMessage,
    Finish,
    Frame,
    PushXCom,
    Retiring,
    Stop,
)
from tests.unit.runner.harness import Project, Runner, TemplateProcess, failed, returned

WAITING = """
    class Op(BaseOperator):
        def execute(self, context):
            try:
                context["ti"].xcom_push(key="pid", value=os.getpid())
                {wait}
            finally:
                print("finally")
        def on_kill(self):
            print("on_kill")
            {on_kill}

    with DAG("d"):
        Op(task_id="t")
"""


def waiting_task(project: Project, wait: str = "time.sleep(1000)", on_kill: str = "") -> Path:
    """A DAG file whose task pushes its process's id and then waits."""
    return project.dag(WAITING.format(wait=wait, on_kill=on_kill))


def kill_at_push(worker: Runner) -> None:
    """Have the worker killed as soon as its task has begun to wait."""

    def answer(frame: Frame) -> AnyMessage | None:
        if isinstance(frame.body, PushXCom):
            os.kill(decode(frame.body.value), signal.SIGTERM)
        return None

    worker.answer = answer


def test_sigterm_calls_on_kill_and_ends_the_task(worker: Runner, project: Project, shared: TemplateProcess) -> None:
    order = project.order(waiting_task(project))
    kill_at_push(worker)
    assert failed(worker.run(order)) == "TaskKilled: killed by its supervisor (SIGTERM)"
    lines = [line.rpartition(" - ")[2] for line in project.log(order).splitlines() if "stdout" in line]
    assert lines == ["on_kill", "finally"]
    assert isinstance(worker.said[-2], Retiring), "a worker that was told to end takes no other task"
    assert shared.exit_of(worker).status == 0


def test_on_kill_stops_what_the_task_waits_for(worker: Runner, project: Project) -> None:
    """The ``with`` block waits for the child, so the exception alone would never get out of it."""
    file = waiting_task(
        project,
        "self.child = subprocess.Popen(['sleep', '1000'])\n" + " " * 16 + "with self.child: self.child.wait()",
        "self.child.kill()",
    )
    order = project.order(file)

    def answer(frame: Frame) -> AnyMessage | None:
        if isinstance(frame.body, PushXCom):
            os.kill(decode(frame.body.value), signal.SIGTERM)
        return None

    worker.answer = answer
    assert "TaskKilled" in failed(worker.run(order))


def test_an_on_kill_that_fails_is_logged(worker: Runner, project: Project) -> None:
    order = project.order(waiting_task(project, on_kill="1 / 0"))
    kill_at_push(worker)
    assert "TaskKilled" in failed(worker.run(order))
    assert "Op.on_kill() failed" in project.log(order)
    assert "ZeroDivisionError" in project.log(order)


def test_code_that_swallows_the_kill_does_not_succeed(worker: Runner, project: Project) -> None:
    order = project.order(
        waiting_task(project, "time.sleep(1000)\n            except BaseException:\n                pass")
    )
    kill_at_push(worker)
    assert "TaskKilled" in failed(worker.run(order))
    assert "the task's code went on after it was interrupted" in project.log(order).lower()


def test_a_process_that_the_task_forks_can_be_terminated_alone(worker: Runner, project: Project) -> None:
    file = waiting_task(
        project,
        """
                import multiprocessing
                fork = multiprocessing.get_context("fork")
                running = fork.Event()
                child = fork.Process(target=lambda: (running.set(), time.sleep(1000)))
                child.start()
                running.wait()
                child.terminate()
                child.join()
                return child.exitcode
""".strip(),
    )
    order = project.order(file)
    assert returned(worker.run(order)) == -signal.SIGTERM
    assert "on_kill" not in project.log(order)


def test_a_deadline_interrupts_the_task(worker: Runner, project: Project) -> None:
    now = time.time()
    order = project.order(waiting_task(project), deadline=now + 0.2, execution_timeout=12.5)
    body = worker.run(order)
    assert failed(body) == "TaskTimeout: the task's execution_timeout of 12.5 s is over"
    assert isinstance(body, Finish)
    assert body.may_retry
    assert "on_kill" in project.log(order)


def test_a_deadline_that_is_over_lets_nothing_begin(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        class Op(BaseOperator):
            def execute(self, context):
                print("executed")
        with DAG("d"):
            Op(task_id="t")
        """
    )
    order = project.order(file, started_at=time.time() - 10, deadline=time.time() - 5)
    assert "TaskTimeout" in failed(worker.run(order))
    assert "executed" not in project.log(order)


def test_a_timer_of_one_task_does_not_reach_the_next(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        with DAG("d"):
            @task
            def quick(): pass
            @task
            def slow(): time.sleep(0.5)
            quick(); slow()
        """
    )
    now = time.time()
    assert worker.run(project.order(file, "quick", deadline=now + 0.4)) == Finish(state="success")
    assert worker.run(project.order(file, "slow")) == Finish(state="success")


def test_an_idle_worker_ends_at_sigterm(shared: TemplateProcess) -> None:
    worker = shared.fork("task")
    worker.send(Stop())
    assert worker.exit().status == 0
    worker = shared.fork("task")
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.exit().status in (0, -signal.SIGTERM)
