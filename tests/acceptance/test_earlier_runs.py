"""What tasks learn of the run before theirs."""

from __future__ import annotations

from tests.support.commands import Folder

DAGS = """
from airflow.decorators import task
from airflow.models import Variable
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator
from bide import DAG

def by_keywords(**kwargs):
    return [str(kwargs["prev_ds"]), str(kwargs["prev_data_interval_start_success"])]

with DAG("daily", schedule="@daily"):
    BashOperator(task_id="bash", bash_command="echo {{ prev_execution_date_success }} {{ yesterday_ds }}")
    PythonOperator(task_id="keywords", python_callable=by_keywords)

    @task
    def named(prev_start_date_success=None, ti=None):
        before = ti.get_previous_dagrun()
        return [prev_start_date_success is None, before and before.state]

    @task
    def ends(dag_run=None):
        if dag_run.conf:
            raise ValueError("as asked")

    named() >> ends()
"""


def test_the_last_success_and_the_last_run(folder: Folder) -> None:
    folder.dag("daily", DAGS)
    first = folder.dag_run("daily", "--logical-date", "2026-03-01")
    assert first.result("bash") == "None 2026-02-28"
    assert first.result("keywords") == ["2026-03-01", "None"]
    assert first.result("named") == [True, None]
    folder.dag_run("daily", "--logical-date", "2026-03-02", "--conf", '{"fail": true}', code=1)
    third = folder.dag_run("daily", "--logical-date", "2026-03-03")
    assert third.result("bash") == "2026-03-01 00:00:00+00:00 2026-03-02"
    assert third.result("keywords")[1] == "2026-02-28 00:00:00+00:00"
    assert third.result("named") == [False, "failed"]
