"""Tasks that wait for one message each, as people write them for Airflow."""

from datetime import datetime

from airflow.providers.amazon.aws.sensors.sqs import SqsSensor
from airflow.providers.apache.kafka.sensors.kafka import AwaitMessageSensor

from airflow.sdk import DAG, Variable

OPTIONS = {"start_date": datetime(2024, 1, 1), "schedule": None, "catchup": False}

with DAG("by_kafka", **OPTIONS):
    AwaitMessageSensor(
        task_id="wait",
        topics=["orders"],
        kafka_config_id="kafka_waiter",
        apply_function="message_functions.is_number",
        apply_function_kwargs={"number": 1},
        poll_timeout=0.2,
        poll_interval=0.1,
    )

with DAG("by_sqs", **OPTIONS):
    SqsSensor(
        task_id="wait",
        sqs_queue=Variable.get("queue_url"),
        visibility_timeout=4,
        wait_time_seconds=0,
        poke_interval=1,
        deferrable=True,
    )
