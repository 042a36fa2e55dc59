"""Tasks that begin with a wait, as the document's sensors do."""

from __future__ import annotations

from datetime import timedelta

from airflow.sensors.base import BaseSensorOperator
from airflow.triggers.base import StartTriggerArgs
from bide import DAG, task


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
        self.start_trigger_args.trigger_kwargs = {"seconds": 0.2}


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


class Forgot(Waits):
    start_trigger_args = None


with DAG("start_from_trigger", schedule=None):
    Waits(task_id="on_class")
    WaitsLess(task_id="on_instance", days="{{ ds }}")
    MayWait(task_id="not_this_one")

    @task
    def moment():
        return "2020-01-01T00:00:00+00:00"

    moment() >> FromXCom(task_id="from_xcom")

with DAG("forgot", schedule=None):
    Forgot(task_id="forgot")
