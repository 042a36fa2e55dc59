"""Work on Databricks, as people write it for Airflow."""

from datetime import datetime, timedelta

from airflow.providers.databricks.operators.databricks import (
    DatabricksCreateJobsOperator,
    DatabricksNotebookOperator,
    DatabricksRunNowOperator,
    DatabricksSQLStatementsOperator,
    DatabricksSubmitRunOperator,
)
from airflow.providers.databricks.operators.databricks_workflow import DatabricksWorkflowTaskGroup
from airflow.providers.databricks.sensors.databricks import DatabricksSQLStatementsSensor

from airflow import DAG

SETTINGS = {"start_date": datetime(2024, 1, 1), "schedule": None, "catchup": False}
MODES = {"blocking": False, "deferrable": True}
CLUSTER = {"existing_cluster_id": "0101-abc123"}
JOBS = {"succeeds": 1, "fails": 2, "goes_on": 3}


def notebook_run(end):
    return {
        "run_name": "airflow_etl_{{ ds }}",
        **CLUSTER,
        "notebook_task": {
            "notebook_path": f"/Users/me@company.com/{end}",
            "base_parameters": {"run_date": "{{ ds }}"},
        },
    }


def work(end, name, **settings):
    """One of each kind of work that ends in this way."""
    run_now = DatabricksRunNowOperator(
        task_id=f"run_now_{name}",
        databricks_conn_id="databricks_default",
        job_id=JOBS[end],
        notebook_params={"run_date": "{{ ds }}", "env": "prod"},
        **settings,
    )
    submit = DatabricksSubmitRunOperator(
        task_id=f"submit_{name}", databricks_conn_id="databricks_default", json=notebook_run(end), **settings
    )
    notebook = DatabricksNotebookOperator(
        task_id=f"notebook_{name}",
        notebook_path=f"/Users/me@company.com/{end}",
        source="WORKSPACE",
        notebook_params={"run_date": "{{ ds }}"},
        **CLUSTER,
        **settings,
    )
    statement = DatabricksSQLStatementsOperator(
        task_id=f"statement_{name}",
        statement="SELECT {{ ds_nodash }} AS " + end,
        warehouse_id="warehouse",
        **settings,
    )
    return [run_now, submit, notebook, statement]


with DAG("databricks_", **SETTINGS) as dag:
    for mode, deferrable in MODES.items():
        settings = {"polling_period_seconds": 0.1, "deferrable": deferrable}
        for end in ("succeeds", "fails"):
            work(end, f"{end}_{mode}", **settings)
        work("goes_on", f"times_out_{mode}", execution_timeout=timedelta(seconds=5), **settings)
        sensor = DatabricksSQLStatementsSensor(
            task_id=f"sensor_{mode}",
            statement="SELECT running-running-success",
            warehouse_id="warehouse",
            polling_period_seconds=0.1,
            deferrable=deferrable,
        )
    DatabricksSubmitRunOperator(
        task_id="python_file",
        tasks=[{"task_key": "etl", "spark_python_task": {"python_file": "dbfs:/etl/success"}, **CLUSTER}],
        polling_period_seconds=0.1,
    )
    DatabricksSubmitRunOperator(
        task_id="jar",
        spark_jar_task={"main_class_name": "com.company/success", "parameters": ["{{ ds }}"]},
        libraries=[{"jar": "dbfs:/etl.jar"}],
        new_cluster={"spark_version": "16.4.x-scala2.12", "num_workers": 1},
        polling_period_seconds=0.1,
    )
    create_job = DatabricksCreateJobsOperator(
        task_id="create_job",
        json={"name": "etl", "tasks": [{"task_key": "main", "notebook_task": {"notebook_path": "/etl/success"}}]},
    )
    run_created = DatabricksRunNowOperator(task_id="run_created", job_name="etl", polling_period_seconds=0.1)
    create_job >> run_created
    with DatabricksWorkflowTaskGroup(group_id="workflow", databricks_conn_id="databricks_default") as workflow:
        extract, load = (
            DatabricksNotebookOperator(
                task_id=name,
                databricks_conn_id="databricks_default",
                notebook_path=f"/etl/{plan}",
                source="WORKSPACE",
                polling_period_seconds=0.1,
                deferrable=deferrable,
                **CLUSTER,
            )
            for name, plan, deferrable in (
                ("extract", "-".join(["running"] * 8 + ["success"]), True),
                ("load", "-".join(["running"] * 8 + ["failed"]), False),
            )
        )
        extract >> load

with DAG("databricks_cancelled", **SETTINGS):
    for mode, deferrable in MODES.items():
        work("goes_on", mode, polling_period_seconds=0.1, deferrable=deferrable)
