"""Tasks that begin with a wait: ``start_from_trigger`` on class and instance."""

from __future__ import annotations

from tests.acceptance.conftest import MakeFolder

DEFERRED = "scheduled queued running deferred scheduled queued running success"


def test_a_task_begins_with_its_wait(make_folder: MakeFolder) -> None:
    folder = make_folder("start_from_trigger.py")
    run = folder.dag_run("dags/start_from_trigger.py", "--dag", "start_from_trigger")
    for task_id in ("on_class", "on_instance", "from_xcom"):
        assert run.states(task_id) == DEFERRED
    assert run.tasks["on_class"]["xcom"] == {"return_value": "later"}
    assert run.tasks["from_xcom"]["xcom"] == {"return_value": "from a template"}
    assert run.states("not_this_one") == "scheduled queued running success"
    assert run.tasks["not_this_one"]["xcom"] == {"return_value": "now"}


def test_a_task_without_its_arguments_fails_and_says_so(make_folder: MakeFolder) -> None:
    folder = make_folder("start_from_trigger.py")
    run = folder.dag_run("dags/start_from_trigger.py", "--dag", "forgot", code=1)
    assert "start_trigger_args must be a StartTriggerArgs, not None" in run.log("forgot")
