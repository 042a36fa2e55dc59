"""What is called when tasks and runs end, wherever they end. Each call is a line of the file ``calls``."""

import os
import signal
from pathlib import Path

from bide import (
    DAG,
    BaseOperator,
    BaseTrigger,
    TaskFailedEvent,
    TaskFailure,
    TaskSkipped,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
)
from bide.authoring.start_trigger import StartTriggerArgs

CALLS = Path(__file__).with_name("calls")


def called(what):
    def callback(context):
        ti = context["task_instance"]
        text = type(context.get("exception")).__name__
        with CALLS.open("a") as calls:
            calls.write(f"{ti.task_id} {what} {ti.state} try {ti.try_number} {text} {os.getpid()}\n")
        assert context["dag"].dag_id == ti.dag_id and "execution_date" in context
        context["ti"].xcom_push(f"{what} was called", ti.xcom_pull(task_ids=ti.task_id, key="return_value"))

    callback.__qualname__ = f"tell_{what}"
    return callback


def raises(context):
    raise RuntimeError("this callback is broken")


def run_called(what):
    def callback(context):
        with CALLS.open("a") as calls:
            dag_run = context["dag_run"]
            calls.write(f"{dag_run.run_type} {what} {dag_run.state} {context['ti'].task_id}\n")

    return callback


class Ends(BaseTrigger):
    def __init__(self, how):
        super().__init__()
        self.how = how

    def serialize(self):
        return f"{__name__}.Ends", {"how": self.how}

    async def run(self):
        if self.how == "raises":
            raise ConnectionError("the service is gone")
        if self.how == "never":
            import asyncio

            await asyncio.Event().wait()
        events = {"success": TaskSuccessEvent, "failed": TaskFailedEvent, "skipped": TaskSkippedEvent}
        yield events[self.how]() if self.how in events else TriggerEvent()


class Defers(BaseOperator):
    def __init__(self, how, timeout=None, **kwargs):
        super().__init__(**kwargs)
        self.how = how
        self.timeout = timeout

    def execute(self, context):
        method = None if self.how in ("success", "failed") else "done"
        self.defer(trigger=Ends(self.how), method_name=method, timeout=self.timeout)

    def done(self, context, event): ...


class Starts(BaseOperator):
    start_from_trigger = True
    start_trigger_args = StartTriggerArgs("callbacks.Ends", None, {"how": "success"})


class Does(BaseOperator):
    def __init__(self, how, **kwargs):
        super().__init__(**kwargs)
        self.how = how

    def execute(self, context):
        if self.how == "raises":
            raise ValueError("no good")
        if self.how == "gives_up":
            raise TaskFailure("no use")
        if self.how == "skips":
            raise TaskSkipped("not today")
        if self.how == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        return 42


ALL = {f"on_{what}_callback": called(what) for what in ("execute", "success", "failure", "retry", "skipped")}

with DAG(
    "callbacks",
    schedule=None,
    default_args={**ALL, "retry_delay": 0.05},
    on_success_callback=run_called("success"),
    on_failure_callback=[run_called("failure"), raises],
):
    Does(task_id="works", how="works")
    Does(task_id="raises", how="raises", retries=1)
    Does(task_id="gives_up", how="gives_up", retries=3)
    Does(task_id="skips", how="skips")
    Does(task_id="dies", how="dies", retries=1)
    Does(task_id="quiet", how="works", on_execute_callback=None, on_success_callback=None)
    Does(task_id="broken", how="works", on_success_callback=[raises, called("success")])
    Defers(task_id="trigger_succeeds", how="success")
    Defers(task_id="trigger_fails", how="failed", retries=1) >> Does(task_id="behind_failure", how="works")
    Defers(task_id="trigger_skips", how="skipped") >> Does(task_id="behind_skip", how="works")
    Defers(task_id="trigger_raises", how="raises")
    Defers(task_id="times_out", how="never", timeout=0.2)
    Defers(task_id="too_long", how="never", execution_timeout=2)
    Defers(task_id="goes_on", how="fires")
    Starts(task_id="starts_and_ends")

with DAG(
    "well", schedule=None, on_success_callback=run_called("success"), on_failure_callback=run_called("failure")
):
    Does(task_id="works", how="works")
