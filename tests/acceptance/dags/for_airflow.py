"""DAGs as published guides write them for Airflow: unmodified imports, times shortened to a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow import DAG
from airflow.configuration import conf
from airflow.decorators import dag, task
from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskDeferred
from airflow.models.baseoperator import BaseOperator
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import PythonOperator
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sensors.base import BaseSensorOperator
from airflow.sensors.filesystem import FileSensor
from airflow.triggers.base import BaseTrigger, StartTriggerArgs, TaskSuccessEvent, TriggerEvent
from airflow.utils import timezone
from airflow.utils.task_group import TaskGroup

if TYPE_CHECKING:
    from airflow.utils.context import Context

SHORT = timedelta(milliseconds=50)


class WaitSensor(BaseSensorOperator):
    """Waits in its worker, or deferred."""

    def __init__(
        self, deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.deferrable = deferrable

    def execute(self, context: Context) -> str:
        if self.deferrable:
            self.defer(trigger=TimeDeltaTrigger(SHORT), method_name="execute_complete")
        return "waited in the worker"

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        return "waited deferred"


class MomentTrigger(BaseTrigger):
    """A small version of the trigger for moments."""

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self.moment = moment

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return ("for_airflow.MomentTrigger", {"moment": self.moment})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        while self.moment > timezone.utcnow():
            await asyncio.sleep(0.01)
        yield TriggerEvent(self.moment)


class UntilMoment(BaseOperator):
    def execute(self, context: Context) -> None:
        self.defer(trigger=MomentTrigger(timezone.utcnow() + SHORT), method_name="execute_complete")

    def execute_complete(self, context: Context, event: Any = None) -> bool:
        return isinstance(event, datetime) and event.tzinfo is not None


class EndingTrigger(MomentTrigger):
    def __init__(self, moment: datetime, end_from_trigger: bool = False) -> None:
        super().__init__(moment)
        self.end_from_trigger = end_from_trigger

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return ("for_airflow.EndingTrigger", {"moment": self.moment, "end_from_trigger": self.end_from_trigger})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        async for event in super().run():
            yield TaskSuccessEvent(xcoms={"rows": 3}) if self.end_from_trigger else event


class EndsFromTrigger(BaseSensorOperator):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.end_from_trigger = True

    def execute(self, context: Context) -> None:
        trigger = EndingTrigger(timezone.utcnow() + SHORT, end_from_trigger=self.end_from_trigger)
        self.defer(method_name=None, trigger=trigger)


class StartsFromTrigger(BaseSensorOperator):
    start_trigger_args = StartTriggerArgs(
        trigger_cls="airflow.providers.standard.triggers.temporal.TimeDeltaTrigger",
        trigger_kwargs={"moment": SHORT},
        next_method="execute_complete",
        next_kwargs=None,
        timeout=None,
    )
    start_from_trigger = True

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        return "never executed"


class StartsAsItsInstanceSays(StartsFromTrigger):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.start_trigger_args.trigger_kwargs = {"seconds": 0.05}
        self.start_from_trigger = True


class PollsAJob(BaseOperator):
    """Raises the signal by hand, and judges the event."""

    def __init__(self, job: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job

    def execute(self, context: Context) -> None:
        raise TaskDeferred(trigger=JobTrigger(self.job), method_name="execute_complete")

    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        if event["status"] == "failed":
            raise AirflowException(f"job failed: {event['error']}")
        return event["result"]


class JobTrigger(BaseTrigger):
    def __init__(self, job: str) -> None:
        super().__init__()
        self.job = job

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return ("for_airflow.JobTrigger", {"job": self.job})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        while True:
            await asyncio.sleep(0.01)
            if self.job == "broken":
                yield TriggerEvent({"status": "failed", "error": "out of memory"})
                return
            yield TriggerEvent({"status": "done", "result": f"result of {self.job}"})
            return


with DAG("deferrable", start_date=datetime(2024, 1, 1), schedule=None, catchup=False):
    WaitSensor(task_id="as_set")
    WaitSensor(task_id="deferred", deferrable=True)
    WaitSensor(task_id="kept", deferrable=False)
    UntilMoment(task_id="moment")
    EndsFromTrigger(task_id="ends_from_trigger")
    StartsFromTrigger(task_id="starts_from_trigger")
    StartsAsItsInstanceSays(task_id="starts_as_its_instance_says")
    PollsAJob(task_id="job", job="42")
    PollsAJob(task_id="broken_job", job="broken")


def say_hello():
    print("Hello from task!")


with DAG(dag_id="first", start_date=datetime(2024, 1, 1), schedule_interval="@daily", catchup=False):
    PythonOperator(task_id="say_hello", python_callable=say_hello)

with DAG("operators", start_date=datetime(2024, 1, 1), catchup=False):
    extract = PythonOperator(task_id="extract", python_callable=lambda: print("extracting"))
    transform = BashOperator(task_id="transform", bash_command="echo transforming {{ ds }}", env={"LEVEL": "1"})
    load = PythonOperator(task_id="load", python_callable=lambda: print("loading"))
    extract >> transform >> load

    a, b, c, d = (EmptyOperator(task_id=name) for name in "ABCD")
    a >> [b, c] >> d

    def push_data(**context):
        context["ti"].xcom_push(key="s3_path", value="s3://bucket/file.parquet")

    def pull_data(**context):
        return "Processing: " + context["ti"].xcom_pull(task_ids="push_task", key="s3_path")

    push_task = PythonOperator(task_id="push_task", python_callable=push_data, provide_context=True)
    pull_task = PythonOperator(task_id="pull_task", python_callable=pull_data, provide_context=True)
    push_task >> pull_task

    with TaskGroup("ingestion") as ingestion_group:
        read = PythonOperator(task_id="read", python_callable=lambda: None)
        read >> PythonOperator(task_id="validate", python_callable=lambda: None)
    with TaskGroup("transformation") as transform_group:
        PythonOperator(task_id="job", python_callable=lambda: None)
    ingestion_group >> transform_group

    def fail_for_good():
        raise AirflowFailException("no use in trying again")

    def skip():
        raise AirflowSkipException("nothing to do")

    PythonOperator(task_id="fails", python_callable=fail_for_good, retries=3)
    PythonOperator(task_id="skips", python_callable=skip)
    FileSensor(
        task_id="wait_for_csv",
        filepath="/no/such/folder/sales_{{ ds }}.csv",
        poke_interval=0.1,
        timeout=0.3,
        mode="reschedule",
    )


@dag(start_date=datetime(2024, 1, 1), schedule_interval="@daily", catchup=False)
def taskflow():
    @task
    def extract():
        return "raw.csv"

    @task
    def transform(file_path: str):
        return file_path.replace("csv", "parquet")

    @task
    def load(output_path: str):
        return f"Loading {output_path}"

    load(transform(extract()))


taskflow()


def make_etl(table: str, schedule: str) -> DAG:
    def run_etl():
        return table

    with DAG(
        dag_id=f"etl_{table}",
        start_date=datetime(2024, 1, 1),
        schedule_interval=schedule,
        catchup=False,
        tags=[table],
    ) as made:
        PythonOperator(task_id="run_etl", python_callable=run_etl)
    return made


for table, schedule in [("orders", "@hourly"), ("customers", "@daily"), ("products", "0 6 * * 1-5")]:
    globals()[f"dag_{table}"] = make_etl(table, schedule)
