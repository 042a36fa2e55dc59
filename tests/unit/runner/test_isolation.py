from __future__ import annotations

import os
import select
import signal
import time
from pathlib import Path

from bide.model.values import decode
from bide.wire.messages import AnyMessage, Defer, Finish, Frame, Ok, PushXCom, Refused, Retiring, Stop
from tests.unit.runner.harness import PATIENCE, Project, Runner, TemplateProcess, failed, one_task, returned


def test_each_task_has_a_process_of_its_own_that_imports_nothing_again(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        IMPORTED_BY = os.getpid()
        STATE = []
        with DAG("d"):
            @task
            def t():
                STATE.append(1)
                return [os.getpid(), IMPORTED_BY, len(STATE)]
            t()
        """
    )
    seen = [returned(worker.run(project.order(file, isolated=True))) for _ in range(3)]
    assert len({pid for pid, _, _ in seen}) == 3
    assert {imported for _, imported, _ in seen} == {worker.pid}
    assert {count for _, _, count in seen} == {1}, "state of one task must not reach the next"


def test_a_deferral_and_a_failure_go_through(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        class Op(BaseOperator):
            def execute(self, context):
                self.defer(trigger=Wait(), method_name="execute_complete")
            def execute_complete(self, context, event): ...

        class Wait(BaseTrigger):
            def serialize(self): return (f"{__name__}.Wait", {})
            async def run(self):
                yield TriggerEvent(1)

        with DAG("d"):
            Op(task_id="defers")
            @task
            def fails(): raise ValueError("no")
            fails()
        """
    )
    assert isinstance(worker.run(project.order(file, "defers", isolated=True)), Defer)
    assert failed(worker.run(project.order(file, "fails", isolated=True))) == "ValueError: no"


def test_a_process_that_dies_without_a_word_fails_the_task(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        with DAG("d"):
            @task
            def killed(): os.kill(os.getpid(), signal.SIGKILL)
            @task
            def gone(): os._exit(0)
            @task
            def fine(): return 1
            killed(); gone(); fine()
        """
    )
    order = project.order(file, "killed", isolated=True)
    error = "the task's process ended without a word: signal 9 (SIGKILL), maybe out of memory"
    assert failed(worker.run(order)) == error
    assert error in project.log(order)
    gone = failed(worker.run(project.order(file, "gone", isolated=True)))
    assert gone == "the task's process ended without a word: exit code 0"
    assert returned(worker.run(project.order(file, "fine", isolated=True))) == 1


def test_a_process_that_dies_between_question_and_answer_confuses_nobody(worker: Runner, project: Project) -> None:
    file = one_task(
        project,
        """
threading.Timer(0.05, os._exit, [9]).start()
context["ti"].xcom_push(key="k", value=1)
""",
    )
    order = project.order(file, isolated=True)
    worker.send(order)
    push = worker.channel.receive()
    assert isinstance(push.body, PushXCom)
    report = worker.channel.receive()
    # The answer to the dead process comes first, as if the engine had been slow.
    worker.channel.send(Refused("late", fenced=True), request=push.request)
    worker.channel.send(Ok(), request=report.request)
    assert failed(report.body) == "the task's process ended without a word: exit code 9"
    assert worker.run(project.order(one_task(project, "pass"))) is not None


def test_sigterm_to_the_worker_reaches_the_task(shared: TemplateProcess, project: Project) -> None:
    worker = shared.fork("task")
    file = project.dag(
        """
        class Op(BaseOperator):
            def execute(self, context):
                context["ti"].xcom_push(key="pid", value=os.getpid())
                time.sleep(1000)
            def on_kill(self):
                print("on_kill in", os.getpid())

        with DAG("d"):
            Op(task_id="t")
        """
    )
    order = project.order(file, isolated=True)
    pids: list[int] = []

    def kill(frame: Frame) -> AnyMessage | None:
        if isinstance(frame.body, PushXCom):
            pids.append(decode(frame.body.value))
            os.kill(worker.pid, signal.SIGTERM)
        return None

    worker.answer = kill
    assert "TaskKilled" in failed(worker.run(order))
    assert f"on_kill in {pids[0]}" in project.log(order)
    assert any(isinstance(body, Retiring) for body in worker.said)
    assert worker.exit().status == 0


def test_a_deadline_holds_in_the_child(worker: Runner, project: Project) -> None:
    file = one_task(project, "time.sleep(1000 if context['ti'].try_number == 1 else 0)")
    order = project.order(file, isolated=True, deadline=time.time() + 0.3)
    assert "TaskTimeout" in failed(worker.run(order))
    assert worker.run(project.order(file, isolated=True, try_number=2)) == Finish(state="success")


def test_nothing_of_the_task_stays(worker: Runner, project: Project) -> None:
    file = one_task(
        project,
        """
hidden = subprocess.Popen(["setsid", "sleep", "1000"])
threading.Thread(target=time.sleep, args=(1000,)).start()
return hidden.pid
""",
    )
    handles: list[int] = []

    def open_handle(frame: Frame) -> AnyMessage | None:
        if isinstance(frame.body, Finish) and frame.body.return_value:
            handles.append(os.pidfd_open(decode(frame.body.return_value)))
        return None

    worker.answer = open_handle
    worker.run(project.order(file, isolated=True))
    # The next answer comes from a worker that has cleaned up, and that goes on.
    worker.run(project.order(file, isolated=True))
    assert select.select(handles[:1], [], [], PATIENCE)[0]
    for handle in handles:
        os.close(handle)
    assert not any(isinstance(body, Retiring) for body in worker.said)


def test_both_die_with_the_worker(shared: TemplateProcess, project: Project) -> None:
    worker = shared.fork("task")
    worker.send(
        project.order(one_task(project, "context['ti'].xcom_push(key='pid', value=os.getpid())"), isolated=True)
    )
    push = worker.receive()
    assert isinstance(push, PushXCom)
    handle = os.pidfd_open(decode(push.value))
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.exit().status == -signal.SIGKILL
    assert select.select([handle], [], [], 0)[0], "reported only after the child is dead too"
    os.close(handle)


def test_a_stop_that_the_child_has_read_reaches_the_worker(shared: TemplateProcess, project: Project) -> None:
    worker = shared.fork("task")
    order = project.order(one_task(project, "context['ti'].xcom_push(key='k', value=1)"), isolated=True)
    worker.send(order)
    push = worker.channel.receive()
    worker.send(Stop())
    worker.channel.send(Ok(), request=push.request)
    assert worker.serve(order) == Finish(state="success")
    assert worker.exit().status == 0


def test_a_file_that_is_broken_is_told_by_the_child(worker: Runner, project: Project) -> None:
    file: Path = project.write("example.py", "1 / 0\n")
    assert "DagFileBroken: ZeroDivisionError" in failed(worker.run(project.order(file, isolated=True)))
    assert isinstance(worker.said[0], Retiring)
