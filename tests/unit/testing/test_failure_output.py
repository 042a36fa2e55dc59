"""What the author of a test sees when it fails: short, and about their own code."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from bide import DAG, task
from bide.testing import RunFailed, run_dag


def failing() -> DAG:
    with DAG("failing") as dag:

        @task
        def good() -> int:
            return 1

        @task
        def bad(n: Any) -> None:
            raise ValueError(f"as it should: {n}")

        bad(good())
    return dag


def test_the_traceback_is_that_of_the_tasks_own_code() -> None:
    with pytest.raises(RunFailed) as caught:
        run_dag(failing())
    cause = caught.value.__cause__
    assert isinstance(cause, ValueError)
    assert [frame.name for frame in traceback.extract_tb(cause.__traceback__)] == ["bad"]
    # pytest leaves out those that say so.
    shown = [entry.name for entry in caught.traceback if not entry.ishidden(None)]
    assert shown == ["test_the_traceback_is_that_of_the_tasks_own_code"]


def test_so_is_that_in_the_log() -> None:
    log = run_dag(failing(), raise_on_failure=False)["bad"].log
    traced = log[log.index("Traceback") :]
    assert "in bad" in traced
    assert traced.count('File "') == 1


def test_a_result_fits_in_a_line_of_an_assertion() -> None:
    result = run_dag(failing(), raise_on_failure=False, run_id="r1")
    assert repr(result) == "<RunResult of failing, run r1: failed (good success, bad failed)>"
    assert repr(result["bad"]) == "<TaskResult bad: failed: ValueError: as it should: 1>"
    assert repr(result["good"]) == "<TaskResult good: success>"


def test_a_task_that_is_not_there_is_named() -> None:
    result = run_dag(failing(), raise_on_failure=False)
    with pytest.raises(KeyError, match="DAG 'failing' has no task 'godo'; did you mean 'good'"):
        result["godo"]
