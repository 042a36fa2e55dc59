"""Ten thousand instances of one task: of a list of the file, and of what another task returns."""

from bench_tasks import noop_with

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, task

COUNT = 10_000

with DAG("mapped_result", schedule=None, max_active_tasks=1000):

    @task
    def numbers():
        return list(range(COUNT))

    @task
    def one(number):
        return None

    one.expand(number=numbers())

with DAG("mapped_literal", schedule=None, max_active_tasks=1000):
    PythonOperator.partial(task_id="one", python_callable=noop_with).expand(
        op_args=[[number] for number in range(COUNT)]
    )

with DAG("mapped_reduced", schedule=None, max_active_tasks=1000):

    @task
    def square(number):
        return number * number

    @task
    def total(values):
        return sum(values)

    total(square.expand(number=list(range(COUNT))))
