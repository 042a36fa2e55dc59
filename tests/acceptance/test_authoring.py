"""What DAG authors write, with a task for each promise: in warm workers, and in a process for each task."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun

CONF = '{"env": "prod", "name": "Ada"}'


@pytest.fixture(scope="module", params=["worker", "process"])
def run(request: pytest.FixtureRequest, make_folder: MakeFolder) -> DagRun:
    folder = make_folder("authoring.py")
    (folder.dags / "report.sql").write_text("SELECT '{{ ds }}'\n")
    (folder.dags / "greet.sh").write_text("echo hello {{ params.name }}\n")
    script = folder.dags / "add.sh"
    script.write_text("#!/bin/sh\necho $(($1 + $2))\n")
    script.chmod(0o755)
    options = {"BIDE__LOCAL_EXECUTOR__ISOLATION": request.param, "TOLD": "by the environment"}
    return folder.dag_run("authoring", "--conf", CONF, "--logical-date", "2024-01-15", code=1, **options)


def test_the_run_has_the_date_that_was_asked_for(run: DagRun) -> None:
    assert run.done.json["logical_date"] == "2024-01-15T00:00:00Z"
    assert run.run_id == "manual__2024-01-15T00:00:00+00:00"


def test_xcoms_are_pushed_and_pulled(run: DagRun) -> None:
    assert run.result("xcom.pull") == {
        "path": "s3://bucket/file.parquet",
        "number": 2,
        "returned": [1, 2, 3],
        "of_several": [[1, 2, 3], None],
        "missing": None,
        "ds": "2024-01-15",
        "name": "Ada",
        "conf": "prod",
    }
    assert run.tasks["xcom.push"]["xcom"] == {
        "path": "s3://bucket/file.parquet",
        "number": 2,
        "return_value": [1, 2, 3],
    }
    assert run.tasks["xcom.unpushed"]["xcom"] == run.tasks["xcom.nothing"]["xcom"] == {}


def test_results_of_functions_are_arguments_of_others(run: DagRun) -> None:
    assert run.tasks["xcom.split"]["xcom"] == {"left": 3, "right": 4, "return_value": {"left": 3, "right": 4}}
    assert run.result("xcom.add") == [8, "xcom.add"]
    assert run.result("xcom.add__1") == [12, "xcom.add__1"]
    assert run.result("decorated.two") == 2


def test_a_value_that_nobody_has_pushed_is_named(run: DagRun) -> None:
    log = run.log("xcom.asks_for_too_much")
    assert "XComNotFound: task 'xcom.extract' has pushed nothing under 'rows'" in log
    assert "multiple_outputs=True" in log


def test_templates_are_rendered(run: DagRun) -> None:
    assert run.result("templates.simple")["words"] == (
        "2024-01-15 20240115 manual__2024-01-15T00:00:00+00:00 authoring templates.simple 1"
    )
    assert run.result("templates.deep") == {
        "words": "ADA!",
        "deep": [{"size": "6"}, ["prod", "2024-01-20"]],
        "script": "SELECT '2024-01-15'",
    }
    pulled = run.result("templates.pulls")
    assert pulled["words"] == "2"
    assert pulled["deep"]["rows"] == [3, 4]
    assert run.result("templates.op_kwargs") == ["2024-01-15", "Ada"]


@pytest.mark.parametrize(
    ("task_id", "words"), [("undefined", "'no_such_name' is undefined"), ("unclosed", "words")]
)
def test_a_template_that_is_wrong_fails_its_task_and_is_named(run: DagRun, task_id: str, words: str) -> None:
    assert run.end(f"templates.{task_id}") == "failed"
    log = run.log(f"templates.{task_id}")
    assert words in log
    assert "words" in log  # the field


def test_bash(run: DagRun) -> None:
    assert run.result("bash.last_line") == "2024-01-15"
    assert run.result("bash.env").startswith("2024-01-15 [] ")
    assert run.result("bash.append") == "x by the environment"
    assert run.result("bash.cwd") == str(Path(run.done.json["tasks"][0]["log_path"]).parents[5] / "dags")
    assert run.result("bash.script") == "hello Ada"
    assert run.result("bash.script_with_arguments") == "5"
    assert run.result("bash.silent") is None
    assert run.end("bash.skips") == "skipped"
    assert run.end("bash.fails") == "failed"
    assert "the command ended with exit code 3: wrong" in run.log("bash.fails")
    assert "wrong" in run.log("bash.fails")


def test_groups_stand_for_their_ends_and_prefix_ids(run: DagRun) -> None:
    ids = {task_id for task_id in run.tasks if "order" in task_id}
    inner = {"order.first", "order.inner.a", "order.inner.b", "order.last", "c_of_order"}
    assert ids == inner | {f"order.{name}" for name in ("x1", "x2", "x3", "y1", "y2")}
    ended = {task_id: (task["start"], task["end"]) for task_id, task in run.tasks.items()}
    order = ["order.first", "order.inner.a", "order.inner.b", "order.last", "decorated.one", "decorated.two"]
    for before, after in pairwise(order):
        assert ended[before][1] <= ended[after][0]
    assert ended["c_of_order"][1] <= ended["order.last"][0]
    assert max(ended["order.x1"][1], ended["order.x2"][1]) <= ended["order.x3"][0]


def test_a_failed_try_is_tried_again_with_a_log_for_each(run: DagRun) -> None:
    again = "running up_for_retry scheduled queued "
    assert run.states("endings.third_time") == f"scheduled queued {again * 2}running success"
    assert run.result("endings.third_time") == run.tasks["endings.third_time"]["tries"] == 3
    for number, log in enumerate(run.logs("endings.third_time"), start=1):
        assert f"this is try {number}" in log
        assert f"this is try {number + 1}" not in log
        assert ("ValueError: not in try" in log) == (number < 3)


def test_retries_are_used_up(run: DagRun) -> None:
    assert run.end("endings.never") == "failed"
    assert run.tasks["endings.never"]["tries"] == 3
    assert run.tasks["endings.once"]["tries"] == 2  # from default_args


def test_some_failures_are_final(run: DagRun) -> None:
    assert run.states("endings.gives_up") == "scheduled queued running failed"
    assert run.end("endings.after_failure") == "upstream_failed"
    assert run.states("endings.skips") == "scheduled queued running skipped"
    assert run.end("endings.after_skip") == "skipped"


def test_execution_timeout_ends_a_task(run: DagRun) -> None:
    assert run.states("endings.takes_too_long") == "scheduled queued running failed"
    assert "TaskTimeout: the task's execution_timeout of 2 s is over" in run.log("endings.takes_too_long")
    assert "signal.pause()" in run.log("endings.takes_too_long")


def test_code_that_swallows_its_timeout_has_failed_all_the_same(run: DagRun) -> None:
    assert run.end("endings.holds_out") == "failed"
    assert run.result("endings.holds_out") is None


def test_all_that_is_said_is_in_the_log(run: DagRun) -> None:
    log = run.log("endings.speaks")
    for words in (
        "printed",
        "printed to stderr",
        "warehouse - logged with arguments",
        "said by a child",
        "not UTF-8",
    ):
        assert words in log


def test_the_context_can_be_asked_for(run: DagRun) -> None:
    date, task_id, pid = run.result("endings.context_of_now")
    assert (date, task_id) == ("2024-01-15T00:00:00+00:00", "endings.context_of_now")
    assert pid > 0
    assert run.result("endings.asynchronous") == "2024-01-15"


def test_each_task_that_failed_was_meant_to(run: DagRun) -> None:
    failed = {task_id for task_id in run.tasks if run.end(task_id) == "failed"}
    assert failed == {
        "xcom.asks_for_too_much",
        "templates.undefined",
        "templates.unclosed",
        "bash.fails",
        "endings.never",
        "endings.gives_up",
        "endings.takes_too_long",
        "endings.holds_out",
    }
