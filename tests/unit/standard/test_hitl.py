"""Operators that ask people."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bide import (
    DAG,
    ApprovalOperator,
    EmptyOperator,
    HITLBranchOperator,
    HITLEntryOperator,
    HITLOperator,
    Param,
    TaskGroup,
)
from bide.model.errors import InvalidArgument
from bide.testing import RunFailed, run_dag


def chose(*options: str, **given: Any) -> dict[str, Any]:
    """An answer, as the engine sends it."""
    return {
        "chosen_options": list(options),
        "params_input": given,
        "responded_by_user": {"id": "ada", "name": "Ada"},
    }


def test_what_people_chose_is_the_result() -> None:
    told: list[str] = []
    with DAG("d") as dag:
        HITLOperator(
            task_id="ask",
            subject="Load {{ ds }}?",
            options=["all", "none", "some"],
            multiple=True,
            params={"rows": Param(10, type="integer")},
            notifiers=[lambda context: told.append(context["ti"].task_id)],
            assigned_users=[{"id": "ada", "name": "Ada"}, "bob"],
        )
    result = run_dag(dag, logical_date="2026-03-01", events={"ask": chose("all", "some", rows=3)})
    found = result["ask"].result
    assert (found["chosen_options"], found["params_input"]) == (["all", "some"], {"rows": 3})
    assert found["responded_by_user"] == {"id": "ada", "name": "Ada"} and told == ["ask"]
    wait = result.assert_waited("ask")
    assert wait.subject == "an answer to 'Load 2026-03-01?' (ada, Ada, bob)"
    assert wait.trigger.question.form["rows"]["value"] == 10


def test_an_answer_that_is_none_fails_the_task() -> None:
    with DAG("d") as dag:
        HITLOperator(task_id="ask", subject="?", options=["a"])
    with pytest.raises(RunFailed, match="'b' is none of the options: a"):
        run_dag(dag, events={"ask": chose("b")})


def test_defaults_are_taken_when_nobody_answers_in_time() -> None:
    with DAG("d") as dag:
        HITLOperator(
            task_id="ask",
            subject="?",
            options=["a", "b"],
            defaults="b",
            params={"x": 1},
            response_timeout=dt.timedelta(hours=2),
        )
    result = run_dag(dag)
    assert result["ask"].result["chosen_options"] == ["b"]
    assert result["ask"].result["params_input"] == {"x": 1}
    assert result["ask"].result["responded_by_user"]["id"] == "defaults"
    assert result.duration is not None and result.duration >= dt.timedelta(hours=2)


def test_without_defaults_nobody_in_time_fails_the_task() -> None:
    with DAG("d") as dag:
        HITLOperator(task_id="ask", subject="?", options=["a"], execution_timeout=60)
    result = run_dag(dag, raise_on_failure=False)
    assert result["ask"].state == "failed" and dag.get_task("ask").execution_timeout is None


@pytest.mark.parametrize(
    ("options", "answer", "expected"),
    [
        ({}, "Approve", {"next": "success", "after": "success"}),
        ({}, "Reject", {"next": "skipped", "after": "success"}),
        ({"ignore_downstream_trigger_rules": True}, "Reject", {"next": "skipped", "after": "skipped"}),
    ],
)
def test_an_approval(options: dict[str, Any], answer: str, expected: dict[str, str]) -> None:
    with DAG("d") as dag:
        approve = ApprovalOperator(task_id="approve", subject="Go on?", **options)
        approve >> EmptyOperator(task_id="next") >> EmptyOperator(task_id="after", trigger_rule="all_done")
    states = run_dag(dag, events={"approve": chose(answer)}).states
    assert states == {"approve": "success", **expected}


def test_a_rejection_may_fail_the_task() -> None:
    with DAG("d") as dag:
        ApprovalOperator(task_id="approve", subject="Go on?", fail_on_reject=True)
    with pytest.raises(RunFailed, match=r"rejected by .*ada"):
        run_dag(dag, events={"approve": chose("Reject")})


def test_people_choose_a_branch() -> None:
    with DAG("d") as dag:
        with TaskGroup("g"):
            left = EmptyOperator(task_id="left")
        pick = HITLBranchOperator(
            task_id="pick", subject="Which?", options=["west", "right"], options_mapping={"west": "g.left"}
        )
        pick >> [left, EmptyOperator(task_id="right")]
    assert run_dag(dag, events={"pick": chose("west")}).states["right"] == "skipped"
    assert run_dag(dag, events={"pick": chose("right")}).states["g.left"] == "skipped"


def test_a_form() -> None:
    with DAG("d") as dag:
        HITLEntryOperator(
            task_id="fill", subject="How many?", params={"count": Param(None, type=["null", "integer"])}
        )
    result = run_dag(dag, events={"fill": chose("OK", count=4)})
    assert result["fill"].result["params_input"] == {"count": 4}


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (HITLOperator, {"options": []}, "options must have at least one"),
        (HITLOperator, {"options": ["a", "a"]}, "options has one twice"),
        (HITLOperator, {"options": ["a"], "defaults": ["b"]}, "the default 'b' is none of a"),
        (HITLOperator, {"options": ["a", "b"], "defaults": ["a", "b"]}, "that needs multiple=True"),
        (HITLBranchOperator, {"options": ["a"], "options_mapping": {"b": "x"}}, "options_mapping has b"),
        (ApprovalOperator, {"options": ["a"]}, "ApprovalOperator has options of its own"),
    ],
)
def test_what_can_not_be_asked_is_refused(cls: Any, options: dict[str, Any], message: str) -> None:
    with DAG("d"), pytest.raises(InvalidArgument, match=message):
        cls(task_id="ask", subject="?", **options)
