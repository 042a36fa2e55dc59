from __future__ import annotations

import time

import msgspec
import pytest

from bide.model.failed_waits import failure_told
from bide.model.values import decode, encode
from bide.wire.messages import Defer, Message, Reschedule, Resume, RunTask
from tests.unit.runner.harness import Project, Runner, failed, resume, returned

DEFERRING = """
    class Wait(BaseTrigger):
        def __init__(self, n):
            self.n = n
        def serialize(self):
            return (f"{type(self).__module__}.Wait", {"n": self.n})
        async def run(self):
            yield TriggerEvent(self.n)

    class Op(BaseOperator):
        template_fields = ("text",)
        def __init__(self, text="{{ ds }}", **kwargs):
            super().__init__(**kwargs)
            self.text = text
        def execute(self, context):
            self.x = 1
            self.helper(3)
        def helper(self, depth):
            try:
                if depth:
                    self.helper(depth - 1)
                self.defer(trigger=Wait(5), method_name="resumed", kwargs={"a": [1]}, timeout=timedelta(minutes=2))
            except Exception:
                return
        def resumed(self, context, event, a):
            return [event, a, hasattr(self, "x"), self.text, context["ti"].task_id]
        def other_names(self, context, payload):
            return None
        def without_any(self):
            return self.text

    with DAG("d"):
        Op(task_id="t")
"""


def test_a_deferral_goes_to_the_engine_from_any_depth(worker: Runner, project: Project) -> None:
    order = project.order(project.dag(DEFERRING))
    body = worker.run(order)
    assert isinstance(body, Defer)
    assert (body.method, decode(body.kwargs), body.timeout) == ("resumed", {"a": [1]}, 120.0)
    assert (body.wait.kind, decode(body.wait.kwargs)) == ("stream", {"n": 5})
    assert "Task deferred: waiting: Wait (stream), then resumed()" in project.log(order)


def test_a_resumed_task_is_a_new_copy_with_rendered_fields(worker: Runner, project: Project) -> None:
    file = project.dag(DEFERRING)
    worker.run(project.order(file))
    order = project.order(file, resume=resume("resumed", event={"ok": True}, a=[1]))
    assert returned(worker.run(order)) == [{"ok": True}, [1], False, "2026-01-31", "t"]
    assert "goes on at resumed()" in project.log(order)


@pytest.mark.parametrize(
    ("method", "complaint"),
    [
        ("resume", "has no method 'resume' to be resumed at; did you mean 'resumed'?"),
        ("other_names", "Op.other_names() needs 'payload', which kwargs= does not give"),
    ],
)
def test_a_method_that_cannot_be_resumed_is_named(
    worker: Runner, project: Project, method: str, complaint: str
) -> None:
    order = project.order(project.dag(DEFERRING), resume=resume(method))
    assert complaint in failed(worker.run(order))


def test_a_method_gets_context_and_event_only_if_it_takes_them(worker: Runner, project: Project) -> None:
    """A method with no use for them need not name them (L003)."""
    assert returned(worker.run(project.order(project.dag(DEFERRING), resume=resume("without_any")))) == "2026-01-31"


@pytest.mark.parametrize(("timed_out", "error"), [(False, "TriggerFailure"), (True, "DeferralTimeout")])
def test_a_failed_wait_resumes_with_the_error(
    worker: Runner, project: Project, timed_out: bool, error: str
) -> None:
    told = failure_told("resumed", "the trigger broke", timed_out=timed_out)
    order = project.order(project.dag(DEFERRING), resume=resume("__fail__", event=told, a=1))
    assert failed(worker.run(order)) == f"{error}: the trigger broke"


HANDLING = """
    class Handles(BaseOperator):
        def resume_execution(self, next_method, next_kwargs, context):
            try:
                return super().resume_execution(next_method, next_kwargs, context)
            except Exception as error:
                return [next_method, next_kwargs, type(error).__name__, context["ti"].task_id]

    with DAG("d"):
        Handles(task_id="t")
"""


def test_an_operator_may_make_something_of_the_error(worker: Runner, project: Project) -> None:
    told = failure_told("resumed", "the trigger broke", timed_out=True)
    order = project.order(project.dag(HANDLING), resume=resume("__fail__", event=told, job=42))
    assert returned(worker.run(order)) == [
        "__fail__",
        {
            "error": "Trigger timeout",
            "message": "the trigger broke",
            "traceback": ["the trigger broke"],
            "method": "resumed",
            "kwargs": {"job": 42},
        },
        "DeferralTimeout",
        "t",
    ]


KEEPING = """
    class Keeps(BaseOperator):
        kept_attributes = {KEPT}
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seen = []
            self.size = 3
            self.text = "unchanged"
        def execute(self, context):
            self.seen.append("execute")
            self.size = 4
            self.client = open("/dev/null")
            self.defer(trigger=Wait(), method_name="again", kwargs={"a": 1})
        def again(self, a):
            self.seen.append(a)
            self.defer(trigger=Wait(), method_name="done")
        def done(self, event):
            return [self.seen, self.size, hasattr(self, "client"), event]

    class Wait(BaseTrigger):
        def serialize(self):
            return (f"{__name__}.Wait", {})
        async def run(self):
            yield TriggerEvent("e")

    with DAG("d"):
        Keeps(task_id="t")
"""


def segments(worker: Runner, project: Project, source: str) -> tuple[list[RunTask], Message]:
    """Run the task over its waits to its end: what it was sent each time, and its last word."""
    order = project.order(project.dag(source))
    sent: list[RunTask] = []
    while True:
        sent.append(order)
        body = worker.run(order)
        if not isinstance(body, Defer):
            return sent, body
        event = encode("e", what="event")
        order = msgspec.structs.replace(
            order, epoch=order.epoch + 1, resume=Resume(body.method or "", body.kwargs, event)
        )


@pytest.mark.parametrize("kept", ["('seen', 'size')", "True"])
def test_attributes_may_be_kept_over_waits(worker: Runner, project: Project, kept: str) -> None:
    """L002, opt-in: those that are named, or all that the task's code has set or changed and that can be stored."""
    sent, body = segments(worker, project, KEEPING.replace("{KEPT}", kept))
    assert returned(body) == [["execute", 1], 4, False, "e"]
    assert len(sent) == 3
    log = project.log(sent[0])
    assert ("Not kept over the wait, since they can't be stored: client" in log) == (kept == "True")
    resumed = sent[1].resume
    assert resumed is not None
    assert b"unchanged" not in resumed.kwargs


@pytest.mark.parametrize(
    ("kept", "complaint"),
    [
        ("('client',)", "attribute client of Keeps"),
        ("'seen'", "kept_attributes is a string; write ('seen',) for one attribute"),
    ],
)
def test_attributes_that_can_not_be_kept_are_named(
    worker: Runner, project: Project, kept: str, complaint: str
) -> None:
    _, body = segments(worker, project, KEEPING.replace("{KEPT}", kept))
    assert complaint in failed(body)


def test_attributes_are_lost_unless_they_are_kept(worker: Runner, project: Project) -> None:
    """P014: as in Airflow."""
    _, body = segments(worker, project, KEEPING.replace("{KEPT}", "()"))
    assert returned(body) == [[], 3, False, "e"]


def test_rescheduling_gives_the_moment(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        class Never(BaseSensorOperator):
            def poke(self, context):
                return False
        with DAG("d"):
            Never(task_id="t", mode="reschedule", poke_interval=60)
        """
    )
    body = worker.run(project.order(file))
    assert isinstance(body, Reschedule)
    assert 50 < body.at - time.time() <= 60
