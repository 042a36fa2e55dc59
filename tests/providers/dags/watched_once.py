"""A DAG that runs by messages of a topic, as people write it for Airflow."""

from airflow.providers.common.messaging.triggers.msg_queue import MessageQueueTrigger

from airflow.sdk import DAG, Asset, AssetWatcher, task

trigger = MessageQueueTrigger(
    scheme="kafka", topics=["files"], kafka_config_id="kafka_watcher", poll_timeout=0.2, poll_interval=0.1
)
with DAG("on_file", schedule=[Asset("files", watchers=[AssetWatcher(name="files", trigger=trigger)])]):

    @task
    def load(triggering_asset_events=None):
        return [event.extra["payload"] for events in triggering_asset_events.values() for event in events]

    load()
