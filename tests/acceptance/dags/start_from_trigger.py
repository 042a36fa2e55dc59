"""Tasks that begin with a wait, as the document's sensors do."""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sensors.base import BaseSensorOperator
from airflow.triggers.base import StartTriggerArgs
from bide import DAG, BaseTrigger, TaskSuccessEvent, TriggerEvent, task


class Waits(BaseSensorOperator):
    start_trigger_args = StartTriggerArgs(
        trigger_cls="airflow.providers.standard.triggers.temporal.TimeDeltaTrigger",
        trigger_kwargs={"moment": timedelta(seconds=0.1)},
        next_method="execute_complete",
        next_kwargs={"word": "later"},
        timeout=None,
    )
    start_from_trigger = True

    def execute(self, context):
        raise AssertionError("execute() is never called")

    def execute_complete(self, context, word, event=None):
        return word


class WaitsLess(Waits):
    template_fields = ("days",)

    def __init__(self, *, days: str, **kwargs):
        super().__init__(**kwargs)
        self.days = days
        self.start_trigger_args.trigger_kwargs["moment"] = timedelta(seconds=0.2)


class MayWait(Waits):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.start_from_trigger = False

    def execute(self, context):
        return "now"


class FromXCom(Waits):
    start_trigger_args = StartTriggerArgs(
        trigger_cls="airflow.providers.standard.triggers.temporal.DateTimeTrigger",
        trigger_kwargs={"moment": "{{ ti.xcom_pull('moment') }}"},
        next_method="execute_complete",
        next_kwargs={"word": "from a template"},
    )


class Echo(BaseTrigger):
    """Fires with what it was built with, and where."""

    def __init__(self, **arguments):
        super().__init__()
        self.arguments = arguments

    def serialize(self):
        return f"{__name__}.Echo", self.arguments

    async def run(self):
        if "error" in self.arguments:
            raise ConnectionError(self.arguments["error"])
        if "end" in self.arguments:
            yield TaskSuccessEvent(xcoms={"end": self.arguments["end"]})
        yield TriggerEvent({**self.arguments, "trigger_pid": os.getpid()})


class Echoes(BaseSensorOperator):
    """Starts with an Echo of its arguments, which templates, results and its constructor make."""

    template_fields = ("given",)
    start_from_trigger = True
    start_trigger_args = StartTriggerArgs(trigger_cls="start_from_trigger.Echo", next_method="resumed")

    def __init__(self, given=None, computed=0, timeout_after=None, next_method="resumed", cls="Echo", **kwargs):
        super().__init__(**kwargs)
        self.given = given
        self.word = f"computed {computed + 1}"
        self.start_trigger_args.trigger_cls = f"start_from_trigger.{cls}"
        self.start_trigger_args.trigger_kwargs = {**(given or {}), "computed": self.word}
        self.start_trigger_args.next_method = next_method
        self.start_trigger_args.timeout = timeout_after

    def resumed(self, context, event):
        return {**event, "pid": os.getpid(), "word": self.word, "started": context["ti"].start_date is not None}


class Never(Echo):
    def serialize(self):
        return f"{__name__}.Never", self.arguments

    async def run(self):
        import asyncio

        await asyncio.Event().wait()
        yield TriggerEvent()


class TakesNothing(BaseTrigger):
    """Can't be built with what a task gives."""

    def __init__(self):
        super().__init__()

    def serialize(self):
        raise AssertionError

    async def run(self):
        yield TriggerEvent()


with DAG("start_from_trigger", schedule=None):
    Waits(task_id="on_class")
    WaitsLess(task_id="on_instance", days="{{ ds }}")
    MayWait(task_id="not_this_one")

    @task
    def moment():
        return "2020-01-01T00:00:00+00:00"

    moment() >> FromXCom(task_id="from_xcom")

    @task
    def table():
        return {"rows": [1, 2]}

    Echoes(task_id="resolved", given={"date": "{{ ds }}", "table": table(), "deep": ["{{ run_id }}"]}, computed=41)
    Echoes(task_id="ends", given={"end": 5}, next_method=None)

with DAG("failing", schedule=None, default_args={"retries": 1, "retry_delay": 0.05}):
    Echoes(task_id="raises", given={"error": "the service is gone"})
    Echoes(task_id="bad_class", cls="NoSuchTrigger")
    Echoes(task_id="bad_template", given={"path": "{{ no_such_name.path }}"})
    Echoes(task_id="bad_arguments", cls="TakesNothing")
    Echoes(task_id="in_vain", cls="Never", timeout_after=timedelta(milliseconds=200), retries=0)
    Echoes(task_id="too_long", cls="Never", execution_timeout=0.3)
    Echoes(task_id="fine")
