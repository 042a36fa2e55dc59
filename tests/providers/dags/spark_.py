"""Jobs of Spark, as people write them for Airflow."""

from datetime import datetime
from pathlib import Path

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator

from airflow import DAG
from airflow.models import Variable

HERE = Path(__file__).parent

with DAG("spark_", start_date=datetime(2024, 1, 1), schedule=None, catchup=False) as dag:
    spark_task = SparkSubmitOperator(
        task_id="run_spark_etl",
        application=str(HERE / "spark_job.py"),
        conn_id="spark_default",
        name="airflow_etl_job",
        conf={"spark.sql.shuffle.partitions": "1", "spark.ui.enabled": "false"},
        application_args=["--date", "{{ ds }}", "--output", Variable.get("output") + "/{{ ds }}"],
        verbose=False,
    )
    fails = SparkSubmitOperator(
        task_id="fails",
        application=str(HERE / "spark_job.py"),
        conf={"spark.ui.enabled": "false"},
        application_args=["--nonsense"],
    )
