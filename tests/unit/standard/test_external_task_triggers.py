"""Airflow's triggers for other runs, as what the engine watches."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bide.authoring.other_runs import WatchTrigger
from bide.model.errors import InvalidArgument
from bide.model.watching import Watch
from bide.standard.triggers.external_task import DagStateTrigger, WorkflowTrigger

DAY = dt.datetime(2026, 3, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))
DATE = "2026-02-28T23:00:00+00:00"


def watched(trigger: WatchTrigger) -> Watch:
    """What is watched once the trigger has been stored and built again."""
    path, kwargs = trigger.serialize()
    assert path == "bide.authoring.other_runs.WatchTrigger"
    return WatchTrigger(**kwargs).watch


def test_a_workflow_is_watched() -> None:
    trigger = WorkflowTrigger(
        external_dag_id="d",
        logical_dates=[DAY],
        external_task_ids=["a", "b"],
        failed_states=["failed"],
        skipped_states=["skipped"],
        allowed_states=["success"],
        poke_interval=5,
    )
    assert watched(trigger) == Watch(
        "d", logical_dates=(DATE,), task_ids=("a", "b"), failed=("failed",), skipped=("skipped",)
    )


def test_a_soft_failure_is_a_skip() -> None:
    trigger = WorkflowTrigger("d", run_ids=["r"], failed_states=["failed"], soft_fail=True)
    assert watched(trigger) == Watch("d", run_ids=("r",), skipped=("failed",))


def test_runs_are_watched_by_id_or_date() -> None:
    assert watched(DagStateTrigger("d", ["success", "failed"], ["r"], [DAY])) == Watch(
        "d", run_ids=("r",), allowed=("success", "failed")
    )
    assert watched(DagStateTrigger("d", ["success"], execution_dates=[DATE])) == Watch("d", logical_dates=(DATE,))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: WorkflowTrigger("d"), "which runs of 'd'"),
        (lambda: DagStateTrigger("d", ["success"]), "which runs of 'd'"),
        (lambda: DagStateTrigger("d", ["running"], ["r"]), "'running' is not a final state"),
        (lambda: DagStateTrigger("d", ["sucess"], ["r"]), "did you mean 'success'"),
        (lambda: DagStateTrigger("d", "success", ["r"]), "must be a list of states"),
        (lambda: WorkflowTrigger("d", ["r"], failed_states=["upstream_failed"]), "unknown state 'upstream_failed'"),
    ],
)
def test_what_can_not_be_watched_is_told(make: Any, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        make()
