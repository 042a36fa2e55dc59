"""Runs on Databricks, as people write them for Airflow."""

from datetime import datetime, timedelta

from airflow.providers.databricks.operators.databricks import (
    DatabricksRunNowOperator,
    DatabricksSubmitRunOperator,
)

from airflow import DAG

with DAG("databricks_", start_date=datetime(2024, 1, 1), schedule=None, catchup=False) as dag:
    for mode, deferrable in (("blocking", False), ("deferrable", True)):
        for job_id, end in ((1, "succeeds"), (2, "fails")):
            DatabricksRunNowOperator(
                task_id=f"run_now_{end}_{mode}",
                databricks_conn_id="databricks_default",
                job_id=job_id,
                notebook_params={"run_date": "{{ ds }}", "env": "prod"},
                polling_period_seconds=0.1,
                deferrable=deferrable,
            )
            DatabricksSubmitRunOperator(
                task_id=f"submit_{end}_{mode}",
                databricks_conn_id="databricks_default",
                json={
                    "run_name": "airflow_etl_{{ ds }}",
                    "existing_cluster_id": "0101-abc123",
                    "notebook_task": {
                        "notebook_path": f"/Users/me@company.com/{end}",
                        "base_parameters": {"run_date": "{{ ds }}"},
                    },
                },
                polling_period_seconds=0.1,
                deferrable=deferrable,
            )
    DatabricksRunNowOperator(
        task_id="timed_out",
        job_id=3,
        polling_period_seconds=0.1,
        deferrable=True,
        execution_timeout=timedelta(seconds=2),
    )
