"""Messages by Kafka and Redis, as people write them for Airflow."""

from datetime import datetime
from time import sleep

from airflow.providers.apache.kafka.operators.consume import ConsumeFromTopicOperator
from airflow.providers.apache.kafka.operators.produce import ProduceToTopicOperator
from airflow.providers.apache.kafka.sensors.kafka import AwaitMessageSensor
from airflow.providers.redis.hooks.redis import RedisHook
from airflow.providers.redis.operators.redis_publish import RedisPublishOperator
from airflow.providers.redis.sensors.redis_key import RedisKeySensor
from airflow.providers.redis.sensors.redis_pub_sub import RedisPubSubSensor
from message_functions import produce

from airflow import DAG
from airflow.operators.python import PythonOperator

with DAG("kafka_", start_date=datetime(2024, 1, 1), schedule=None, catchup=False):
    send = ProduceToTopicOperator(
        task_id="send",
        topic="orders",
        producer_function="message_functions.produce",
        producer_function_args=["{{ ds }}", 3],
    )
    receive = ConsumeFromTopicOperator(
        task_id="receive",
        topics=["orders"],
        kafka_config_id="kafka_consumer",
        apply_function="message_functions.keep",
        return_apply_function_results=True,
        max_messages=3,
        max_batch_size=3,
        poll_timeout=10,
    )
    answer = AwaitMessageSensor(
        task_id="answer",
        topics=["orders"],
        kafka_config_id="kafka_waiter",
        apply_function="message_functions.is_number",
        apply_function_kwargs={"number": 5},
        poll_timeout=0.2,
        poll_interval=0.1,
        xcom_push_key="found",
    )
    send_more = ProduceToTopicOperator(
        task_id="send_more", topic="orders", producer_function=produce, producer_function_args=["later", 6]
    )
    send >> receive >> send_more

with DAG("redis_", start_date=datetime(2024, 1, 1), schedule=None, catchup=False):
    RedisKeySensor(
        task_id="key",
        redis_conn_id="redis_default",
        key="{{ ds }}",
        mode="reschedule",
        poke_interval=0.2,
        timeout=60,
    )
    RedisPubSubSensor(task_id="message", redis_conn_id="redis_default", channels="answers", poke_interval=0.2)

    def make_key(ds, ti):
        redis = RedisHook(redis_conn_id="redis_default").get_conn()
        while not redis.pubsub_numsub("answers")[0][1]:
            sleep(0.05)
        redis.set(ds, "there")

    made = PythonOperator(task_id="make_key", python_callable=make_key)
    made >> RedisPublishOperator(task_id="publish", channel="answers", message="{{ ds }} is done")
