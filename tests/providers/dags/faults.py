"""Services that answer with errors, or not at all."""

from datetime import datetime

from airflow.providers.airbyte.operators.airbyte import AirbyteTriggerSyncOperator
from airflow.providers.airbyte.sensors.airbyte import AirbyteJobSensor
from airflow.providers.databricks.operators.databricks import DatabricksRunNowOperator, DatabricksSubmitRunOperator

from airflow import DAG

FAULTS = {
    "expired": "running-running-401",
    "burst": "running-running-503-503-success",
    "down": "running-running-503",
    "garbage": "running-running-garbage-success",
}


def notebook(plan):
    task = {"notebook_path": f"/Shared/{plan}"}
    return {"run_name": "etl", "existing_cluster_id": "0101", "notebook_task": task}


with DAG("faults", start_date=datetime(2024, 1, 1), schedule=None) as dag:
    for mode, deferrable in (("blocking", False), ("deferrable", True)):
        settings = {"deferrable": deferrable, "databricks_retry_delay": 0.1}
        for name, plan in FAULTS.items():
            DatabricksSubmitRunOperator(
                task_id=f"databricks_{name}_{mode}", json=notebook(plan), polling_period_seconds=0.1, **settings
            )
            AirbyteTriggerSyncOperator(
                task_id=f"airbyte_{name}_{mode}",
                connection_id=plan.replace("running-running", "running").replace("success", "succeeded"),
                wait_seconds=0.1,
                timeout=4,
                deferrable=deferrable,
            )
        DatabricksRunNowOperator(task_id=f"databricks_missing_{mode}", job_id=999, **settings)
        AirbyteJobSensor(task_id=f"airbyte_missing_{mode}", airbyte_job_id=9999, timeout=4, deferrable=deferrable)
        for name in ("refused", "login"):
            DatabricksRunNowOperator(
                task_id=f"databricks_{name}_{mode}", databricks_conn_id=f"databricks_{name}", job_id=1, **settings
            )
            AirbyteTriggerSyncOperator(
                task_id=f"airbyte_{name}_{mode}",
                airbyte_conn_id=f"airbyte_{name}",
                connection_id="running",
                deferrable=deferrable,
            )
