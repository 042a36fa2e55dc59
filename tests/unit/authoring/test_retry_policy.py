"""Retry policies: what they decide for which exception."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bide.authoring.dag import DAG
from bide.authoring.operator import BaseOperator
from bide.authoring.retry_policy import (
    ChainRetryPolicy,
    ExceptionRetryPolicy,
    RetryAction,
    RetryDecision,
    RetryPolicy,
    RetryRule,
)
from bide.authoring.serialize import serialize_dag
from bide.model.errors import InvalidArgument


def decided(policy: RetryPolicy, error: BaseException) -> RetryDecision:
    return policy.evaluate(error, 1, 3)


def test_the_first_rule_that_fits_decides() -> None:
    policy = ExceptionRetryPolicy(
        [
            RetryRule(ConnectionResetError, retry_delay=timedelta(seconds=5), reason="reset"),
            RetryRule([OSError, "decimal.InvalidOperation"], RetryAction.FAIL),
        ]
    )
    assert decided(policy, ConnectionResetError()) == RetryDecision.retry(timedelta(seconds=5), "reset")
    assert decided(policy, PermissionError()).action is RetryAction.FAIL
    from decimal import InvalidOperation

    assert decided(policy, InvalidOperation()) == RetryDecision.fail("there is a rule for InvalidOperation")
    assert decided(policy, ValueError()) == RetryDecision.default()
    assert decided(ExceptionRetryPolicy([], default="fail"), ValueError()).action is RetryAction.FAIL


def test_a_rule_may_leave_subclasses_alone() -> None:
    rule = RetryRule(OSError, match_subclasses=False)
    assert rule.matches(OSError()) and not rule.matches(ConnectionError())


def test_a_path_that_leads_nowhere_matches_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert not RetryRule("no.such.Error").matches(ValueError())
    assert "The retry rule for 'no.such.Error' matches nothing" in caplog.text
    assert not RetryRule("builtins.print").matches(ValueError())


def test_a_chain_asks_one_after_the_other() -> None:
    first = ExceptionRetryPolicy([RetryRule(KeyError, RetryAction.FAIL)])
    second = ExceptionRetryPolicy([RetryRule(LookupError)])
    chain = ChainRetryPolicy([first, second])
    assert decided(chain, KeyError()).action is RetryAction.FAIL
    assert decided(chain, IndexError()).action is RetryAction.RETRY
    assert decided(chain, ValueError()).action is RetryAction.DEFAULT


@pytest.mark.parametrize("wrong", [int, "Error", 5])
def test_what_is_no_exception_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match="is no exception class"):
        RetryRule(wrong)


def test_a_task_takes_policies_only() -> None:
    with pytest.raises(InvalidArgument, match="task 'a': retry_policy must be a RetryPolicy, not 'never'"):
        BaseOperator(task_id="a", retry_policy="never")  # type: ignore[arg-type]
    with DAG("d") as dag:
        BaseOperator(task_id="a", retry_policy=ExceptionRetryPolicy([]))
        BaseOperator(task_id="b")
    spec = serialize_dag(dag, file="/d.py", folder="/")
    assert {task.task_id: task.handles_failed_waits for task in spec.tasks} == {"a": True, "b": False}
