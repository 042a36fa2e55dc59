"""DAGs that make runs of each other, and wait for them. Each note is a line in the file beside this one."""

from datetime import timedelta
from pathlib import Path

from bide import DAG, BaseOperator, ExternalTaskSensor, TriggerDagRunOperator, all_of, task
from bide.standard.triggers.external_task import DagStateTrigger, WorkflowTrigger

NOTES = Path(__file__).with_name("notes")


def note(text):
    with NOTES.open("a") as notes:
        notes.write(f"{text}\n")


with DAG("child", params={"fails": False}):

    @task
    def work(params=None, run_id=None):
        note(f"child {run_id} with {params['word']}")
        if params["fails"]:
            raise ValueError("told to")

    work()

with DAG("parent"):
    deferred = TriggerDagRunOperator(
        task_id="deferred",
        trigger_dag_id="child",
        trigger_run_id="from-{{ run_id }}",
        conf={"word": "{{ ti.task_id }}"},
        wait_for_completion=True,
        deferrable=True,
    )
    looking = TriggerDagRunOperator(
        task_id="looking",
        trigger_dag_id="child",
        conf={"word": "looking"},
        wait_for_completion=True,
        poke_interval=0.1,
    )
    failing = TriggerDagRunOperator(
        task_id="failing",
        trigger_dag_id="child",
        conf={"word": "failing", "fails": True},
        wait_for_completion=True,
        deferrable=True,
    )

    @task(trigger_rule="all_done")
    def done(run_id=None, ti=None):
        note(f"parent knows {ti.xcom_pull('deferred', key='trigger_run_id')}")
        note("parent is done")

    [deferred, looking, failing] >> done()

with DAG("listener"):
    sensors = [
        ExternalTaskSensor(
            task_id=name, external_dag_id="child", external_task_id="work", timeout=timedelta(minutes=5), **options
        )
        for name, options in {
            "hears": {"deferrable": True},
            "looks": {"mode": "reschedule", "poke_interval": 0.1},
        }.items()
    ]

    @task
    def heard():
        note("listener has heard")

    class Waits(BaseOperator):
        """Defers by itself until both have ended, however they do."""

        def execute(self, context):
            dates = [context["logical_date"]]
            self.defer(
                trigger=all_of(
                    task=WorkflowTrigger("child", logical_dates=dates, external_task_ids=["work"]),
                    run=DagStateTrigger("child", ["success", "failed"], execution_dates=dates),
                ),
                method_name="execute_complete",
            )

        def execute_complete(self, context, event):
            note(f"task {event['task']['status']}, run {event['run']['status']}")

    [*sensors, Waits(task_id="waits")] >> heard()
