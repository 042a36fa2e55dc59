"""Tasks that begin with a wait: ``start_from_trigger`` on class and instance."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder

#: No worker before the trigger has fired.
STARTED = "deferred scheduled queued running success"


@pytest.fixture(scope="module")
def shared(make_folder: MakeFolder) -> Folder:
    return make_folder("start_from_trigger.py")


@pytest.fixture(scope="module")
def run(shared: Folder) -> DagRun:
    return shared.dag_run("dags/start_from_trigger.py", "--dag", "start_from_trigger")


@pytest.fixture(scope="module")
def failing(shared: Folder) -> DagRun:
    return shared.dag_run("dags/start_from_trigger.py", "--dag", "failing", code=1)


def test_a_task_begins_with_its_wait(run: DagRun) -> None:
    for task_id in ("on_class", "on_instance", "from_xcom", "resolved"):
        assert run.states(task_id) == STARTED
    assert run.result("on_class") == "later"
    assert run.result("from_xcom") == "from a template"
    assert run.states("not_this_one") == "scheduled queued running success"
    assert run.result("not_this_one") == "now"


def test_a_task_has_started_when_it_is_deferred(run: DagRun) -> None:
    assert run.tasks["on_instance"]["tries"] == 1
    start, end = (datetime.fromisoformat(run.tasks["on_instance"][name]) for name in ("start", "end"))
    assert end - start >= timedelta(seconds=0.2)
    assert run.result("resolved")["started"]


def test_k15_templates_results_and_the_constructor_reach_the_trigger(run: DagRun) -> None:
    """K15: nothing of an operator is lost for being started by the engine."""
    found = run.result("resolved")
    assert found["date"] == run.done.json["logical_date"][:10]
    assert found["table"] == {"rows": [1, 2]}
    assert found["deep"] == [run.done.json["run_id"]]
    assert found["computed"] == found["word"] == "computed 42"
    assert found["trigger_pid"] != found["pid"]


def test_a_task_may_start_and_end_without_any_worker(run: DagRun) -> None:
    assert run.states("ends") == "deferred success"
    assert run.tasks["ends"]["xcom"] == {"end": 5}
    assert "starts from its trigger" in run.log("ends")


@pytest.mark.parametrize(
    ("task_id", "error"),
    [
        ("raises", "ConnectionError: the service is gone"),
        ("bad_class", "trigger class 'start_from_trigger.NoSuchTrigger'"),
        ("bad_template", "'no_such_name' is undefined"),
        ("bad_arguments", "TakesNothing can't be built"),
        ("too_long", "the task's execution_timeout of 0.3 s is over; it was deferred then"),
    ],
)
def test_what_goes_wrong_costs_this_task_a_try(failing: DagRun, task_id: str, error: str) -> None:
    assert failing.states(task_id) == "deferred up_for_retry deferred failed"
    for log in failing.logs(task_id):
        assert error in log


def test_the_wait_may_have_a_limit(failing: DagRun) -> None:
    assert failing.states("in_vain") == "deferred failed"
    assert "the deferral's timeout of 0.2 s is over, waiting for Never" in failing.log("in_vain")


def test_others_are_not_touched(failing: DagRun) -> None:
    assert failing.states("fine") == STARTED


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("start_trigger_args = None", "start_trigger_args must be a StartTriggerArgs, not None"),
        ('start_trigger_args = StartTriggerArgs("Nowhere", "done")', "must be an import path like"),
        ('start_trigger_args = StartTriggerArgs("m.T", "dome")', "has no method 'dome'"),
        (
            'start_trigger_args = StartTriggerArgs("m.T", "done", {"call": lambda: 1})',
            "trigger_kwargs of start_trigger_args",
        ),
    ],
)
def test_what_can_never_be_is_refused_with_the_file(folder: Folder, changed: str, said: str) -> None:
    folder.dag(
        "forgot",
        f"""
from bide import DAG, BaseSensorOperator
from bide.authoring.start_trigger import StartTriggerArgs

class Forgot(BaseSensorOperator):
    start_from_trigger = True
    {changed}
    def done(self, context, event): ...

with DAG("forgot", schedule=None):
    Forgot(task_id="forgot")
""",
    )
    assert said in folder.refused("run", "dags/forgot.py", code=2)
