"""DAGs that run by messages, as people write them for Airflow."""

from airflow.providers.apache.kafka.triggers.shared_stream import KafkaSharedStreamTrigger
from airflow.providers.common.messaging.triggers.msg_queue import MessageQueueTrigger
from message_functions import OnlyTwo

from airflow.sdk import DAG, Asset, AssetWatcher, Variable, task

QUEUES = {
    "kafka": MessageQueueTrigger(
        scheme="kafka", topics=["files"], kafka_config_id="kafka_watcher", poll_timeout=0.2, poll_interval=0.1
    ),
    "shared": KafkaSharedStreamTrigger(topics=["files"], kafka_config_id="kafka_shared", poll_timeout=0.2),
    "filtered": OnlyTwo(topics=["files"], kafka_config_id="kafka_shared", poll_timeout=0.2),
    "redis": MessageQueueTrigger(scheme="redis+pubsub", channels=["files"], poll_interval=0.1),
    "sqs": MessageQueueTrigger(
        scheme="sqs", sqs_queue=Variable.get("queue_url"), waiter_delay=1, wait_time_seconds=0
    ),
}

for name, trigger in QUEUES.items():
    asset = Asset(f"{name}_files", watchers=[AssetWatcher(name=name, trigger=trigger)])
    with DAG(f"on_{name}", schedule=[asset]) as dag:

        @task
        def load(triggering_asset_events=None):
            return [event.extra["payload"] for events in triggering_asset_events.values() for event in events]

        load()
    globals()[dag.dag_id] = dag
