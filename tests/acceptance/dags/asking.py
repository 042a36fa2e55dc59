"""A DAG that asks people."""

from bide import DAG, ApprovalOperator, HITLEntryOperator, Param, task

with DAG("asking"):
    fill = HITLEntryOperator(task_id="fill", subject="How many rows?", params={"rows": Param(10, type="integer")})

    @task
    def load(answer):
        return answer["params_input"]["rows"] * 2

    ApprovalOperator(task_id="approve", subject="Publish {{ run_id }}?") >> load(fill.output)
