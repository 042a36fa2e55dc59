"""Work in containers, as people write it for Airflow."""

from datetime import datetime, timedelta

from airflow.providers.docker.operators.docker import DockerOperator

from airflow import DAG
from airflow.models import Variable

SETTINGS = {"image": "localhost/etl-job:v1", "docker_url": Variable.get("docker_url"), "network_mode": "host"}

with DAG("docker_", start_date=datetime(2024, 1, 1), schedule=None, catchup=False) as dag:
    run_container = DockerOperator(
        task_id="run_etl_container",
        command="sh -c 'cat /app/data/orders.csv && echo $RUN_DATE {{ ds }}'",
        environment={"AWS_ACCESS_KEY_ID": "{{ var.value.aws_key }}", "RUN_DATE": "{{ ds }}"},
        mounts=[{"source": Variable.get("data"), "target": "/app/data", "type": "bind"}],
        mount_tmp_dir=False,
        auto_remove=True,
        retrieve_output=False,
        **SETTINGS,
    )
    fails = DockerOperator(
        task_id="fails",
        command="sh -c 'echo no good; exit 3'",
        mount_tmp_dir=False,
        auto_remove="force",
        **SETTINGS,
    )
    timed_out = DockerOperator(
        task_id="timed_out",
        command="sh -c 'while true; do echo waiting; busybox sleep 1; done'",
        mount_tmp_dir=False,
        auto_remove="force",
        execution_timeout=timedelta(seconds=3),
        **SETTINGS,
    )

with DAG("docker_cancelled", start_date=datetime(2024, 1, 1), schedule=None, catchup=False):
    DockerOperator(
        task_id="goes_on",
        command="sh -c 'while true; do echo waiting; busybox sleep 1; done'",
        mount_tmp_dir=False,
        auto_remove="force",
        **SETTINGS,
    )
