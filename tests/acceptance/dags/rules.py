"""Every trigger rule below every mixture of upstream states."""

from bide import DAG, EmptyOperator, TaskFailure, TaskSkipped, TriggerRule, task

MIXTURES = {
    "success": ["good"],
    "failed": ["bad"],
    "skipped": ["skipped"],
    "upstream_failed": ["blocked"],
    "success_failed": ["good", "bad"],
    "success_skipped": ["good", "skipped"],
    "failed_skipped": ["bad", "skipped"],
    "success_upstream_failed": ["good", "blocked"],
    "all_of_them": ["good", "bad", "skipped", "blocked"],
}

with DAG("rules", schedule=None) as dag:

    @task
    def good():
        return None

    @task
    def bad():
        raise TaskFailure("as it should")

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def skipped():
        raise TaskSkipped("as it should")

    good()
    # Where a rule knows both, the first of a failure and a skip decides.
    bad() >> skipped()
    dag.get_task("bad") >> EmptyOperator(task_id="blocked")

    for rule in TriggerRule:
        if rule is TriggerRule.ALL_DONE_SETUP_SUCCESS:
            continue  # that of teardowns alone
        for name, upstream in MIXTURES.items():
            [dag.get_task(one) for one in upstream] >> EmptyOperator(task_id=f"{rule}.{name}", trigger_rule=rule)
