from __future__ import annotations

import pytest

from bide.wire.messages import (
    AnyMessage,
    Finish,
    Frame,
    PushXCom,
    Refused,
)
from tests.unit.runner.conftest import StartTemplate
from tests.unit.runner.harness import Project, Runner, TemplateProcess, failed, one_task


def test_an_exception_fails_the_task_with_its_traceback_in_the_log(worker: Runner, project: Project) -> None:
    order = project.order(one_task(project, "raise ValueError('no such row\\nsecond line')"))
    body = worker.run(order)
    assert failed(body) == "ValueError: no such row"
    assert isinstance(body, Finish)
    assert body.may_retry
    log = project.log(order)
    assert "raise ValueError('no such row" in log
    assert "second line" in log
    assert "bide/runner" not in log, "the runner's own frames tell people nothing"


@pytest.mark.parametrize(
    ("statement", "state", "may_retry"),
    [
        ("raise TaskSkipped('not today')", "skipped", True),
        ("raise TaskFailure('for good')", "failed", False),
        ("raise SensorTimeout('too late')", "failed", False),
        ("raise TaskError('again')", "failed", True),
        ("sys.exit(3)", "failed", True),
        ("raise KeyboardInterrupt", "failed", True),
        ("raise BaseException('odd')", "failed", True),
    ],
)
def test_each_way_to_end_has_its_state(
    worker: Runner, project: Project, statement: str, state: str, may_retry: bool
) -> None:
    body = worker.run(project.order(one_task(project, statement)))
    assert isinstance(body, Finish)
    assert (body.state, body.may_retry) == (state, may_retry)


def test_a_sensors_timeout_with_soft_fail_skips(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        class Soft(BaseOperator):
            soft_fail = True
            def execute(self, context):
                raise SensorTimeout("too late")

        with DAG("d"):
            Soft(task_id="t")
        """
    )
    assert worker.run(project.order(file)) == Finish(state="skipped")


def test_on_kill_is_called_when_the_code_exits(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        class Op(BaseOperator):
            def execute(self, context):
                sys.exit("enough")
            def on_kill(self):
                print("on_kill was called")

        with DAG("d"):
            Op(task_id="t")
        """
    )
    order = project.order(file)
    assert failed(worker.run(order)) == "SystemExit: the code called sys.exit('enough')"
    assert "on_kill was called" in project.log(order)


def test_a_worker_that_dies_closes_its_channel(shared: TemplateProcess, project: Project) -> None:
    worker = shared.fork("task")
    worker.send(project.order(one_task(project, "os._exit(9)")))
    assert worker.sock.recv(1) == b""
    assert worker.exit().status == 9


def test_a_fenced_push_stops_the_task_without_another_word(shared: TemplateProcess, project: Project) -> None:
    worker = shared.fork("task")
    file = one_task(
        project,
        """
try:
    context["ti"].xcom_push(key="k", value=1)
except Exception:
    pass
print("went on")
""",
    )
    order = project.order(file)
    worker.send(order)
    frame = worker.channel.receive()
    worker.channel.send(Refused("epoch 7 is current", fenced=True), request=frame.request)
    next_order = project.order(file)
    worker.send(next_order)
    assert isinstance(worker.receive(), PushXCom), "no Finish of the first task comes between"
    log = project.log(order)
    assert "has moved on without this process: epoch 7 is current" in log
    assert "went on" not in log


def test_a_fenced_finish_is_noted_in_the_log(worker: Runner, project: Project) -> None:
    file = one_task(project, "pass")
    order = project.order(file)
    worker.send(order)
    frame = worker.channel.receive()
    assert isinstance(frame.body, Finish)
    worker.channel.send(Refused("it was cleared", fenced=True), request=frame.request)
    assert worker.run(project.order(file)) == Finish(state="success")
    assert "The result does not count: it was cleared" in project.log(order)


def test_a_report_that_the_engine_refuses_fails_the_task(worker: Runner, project: Project) -> None:
    order = project.order(one_task(project, "return 1"))

    def refuse_once(frame: Frame) -> AnyMessage | None:
        return Refused("can't be") if isinstance(frame.body, Finish) and frame.body.state == "success" else None

    worker.answer = refuse_once
    assert failed(worker.run(order)) == "can't be"


def test_a_result_that_is_too_large_for_a_message_fails_the_task(
    worker: Runner, project: Project, start_template: StartTemplate
) -> None:
    (project.dags.parent / "sitecustomize.py").write_text("import bide.wire.frames as f\nf.MAX_FRAME = 1 << 20\n")
    template = start_template(environment={"PYTHONPATH": str(project.dags.parent)})
    order = project.order(one_task(project, "return 'x' * 2**21"))
    error = failed(template.fork("task").run(order))
    assert error.startswith("ProtocolError: a Finish message of 2.0 MiB is larger than the limit of 1 MiB")
    assert error in project.log(order)


def test_secrets_are_masked_in_the_error_that_people_see(worker: Runner, project: Project) -> None:
    file = one_task(
        project,
        """
from bide.observe.masking import add_secret
add_secret("s3cr3t")
raise ValueError("login with s3cr3t failed")
""",
    )
    order = project.order(file)
    assert failed(worker.run(order)) == "ValueError: login with *** failed"
    assert "s3cr3t failed" not in project.log(order)


def test_the_channels_end_in_the_middle_of_a_task_ends_the_worker(
    shared: TemplateProcess, project: Project
) -> None:
    worker = shared.fork("task")
    worker.send(project.order(one_task(project, "context['ti'].xcom_push(key='k', value=1)")))
    assert isinstance(worker.receive(), PushXCom)
    worker.sock.close()
    assert worker.exit().status == 0
