"""What packages say of themselves, used as people do for Airflow: notifiers, decorators, settings, queues."""

from datetime import datetime

from airflow.providers.amazon.aws.notifications.sns import SnsNotifier
from airflow.providers.amazon.aws.notifications.sqs import SqsNotifier
from airflow.providers.common.messaging.triggers.msg_queue import MessageQueueTrigger
from airflow.providers.http.notifications import HttpNotifier
from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier
from airflow.providers.smtp.notifications.smtp import SmtpNotifier

from airflow.configuration import conf
from airflow.exceptions import AirflowException
from airflow.sdk import DAG, BaseHook, BaseOperator, Variable, task

OPTIONS = {"start_date": datetime(2024, 1, 1), "schedule": None, "catchup": False}
TEXT = "{{ dag.dag_id }}.{{ ti.task_id }} failed: {{ exception }}"
NOTIFIERS = [
    SlackWebhookNotifier(slack_webhook_conn_id="slack", text=TEXT),
    SmtpNotifier(smtp_conn_id="smtp", from_email="bide@example.com", to="team@example.com", subject=TEXT),
    SnsNotifier(target_arn=Variable.get("topic_arn"), message=TEXT, region_name="us-east-1"),
    SqsNotifier(queue_url=Variable.get("queue_url"), message_body=TEXT, region_name="us-east-1"),
    HttpNotifier(http_conn_id="hook", endpoint="/alerts", json={"text": TEXT}),
]


class WaitForMessage(BaseOperator):
    """Waits for a message by whatever trigger the queue has."""

    def __init__(self, *, trigger, **kwargs):
        super().__init__(**kwargs)
        self.trigger = trigger

    def execute(self, context):
        self.defer(trigger=self.trigger, method_name="done")

    def done(self, context, event):
        return event


with DAG("declared", **OPTIONS):

    @task(on_failure_callback=NOTIFIERS)
    def fails():
        raise AirflowException("no rows")

    @task.sql(conn_id="sqlite")
    def query(number):
        return f"SELECT {number} + 1"

    @task
    def settings():
        handler = conf.get("aws", "cloudwatch_task_handler_json_serializer")
        return [handler, conf.get("aws", "nothing", fallback="none"), conf.getint("http", "nothing", fallback=3)]

    @task
    def hooks():
        return {name: type(BaseHook.get_hook(name)).__name__ for name in ("slack", "smtp", "hook", "sqlite")}

    fails()
    query(41)
    settings()
    hooks()

with DAG("by_uri", **OPTIONS):
    WaitForMessage(
        task_id="kafka",
        trigger=MessageQueueTrigger(
            queue=f"kafka://{Variable.get('kafka')}/orders",
            kafka_config_id="kafka_uri",
            apply_function="message_functions.is_number",
            apply_function_kwargs={"number": 5},
            poll_timeout=0.2,
            poll_interval=0.1,
        ),
    )
    WaitForMessage(
        task_id="sqs",
        trigger=MessageQueueTrigger(
            queue=Variable.get("amazon_queue_url"), waiter_delay=1, botocore_config={"retries": {"max_attempts": 1}}
        ),
    )
