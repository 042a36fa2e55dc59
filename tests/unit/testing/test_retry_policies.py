"""Retry policies in whole runs: what fails at once, what is tried again and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bide import (
    DAG,
    BaseOperator,
    ExceptionRetryPolicy,
    RetryAction,
    RetryDecision,
    RetryPolicy,
    RetryRule,
    SignalTrigger,
    TaskFailure,
    task,
)
from bide.testing import run_dag

RULES = ExceptionRetryPolicy(
    [
        RetryRule(ConnectionError, retry_delay=timedelta(minutes=7), reason="try later"),
        RetryRule(PermissionError, RetryAction.FAIL, reason="nobody lets us in"),
    ]
)


def failing(error: BaseException, policy: Any = RULES, **options: Any) -> DAG:
    """A DAG of one task that raises `error` in each of its three tries."""
    with DAG("d") as dag:

        @task(retries=2, retry_delay=timedelta(hours=1), retry_policy=policy, **options)
        def fails() -> None:
            raise error

        fails()
    return dag


@pytest.mark.parametrize(
    ("error", "tries", "took"),
    [
        (ConnectionResetError("reset"), 3, timedelta(minutes=14)),
        (PermissionError("no"), 1, timedelta(0)),
        (ValueError("no rule"), 3, timedelta(hours=2)),
        # Final by itself: the policy is not asked.
        (TaskFailure("over"), 1, timedelta(0)),
    ],
)
def test_the_exception_decides(error: BaseException, tries: int, took: timedelta) -> None:
    result = run_dag(failing(error), raise_on_failure=False)
    assert result["fails"].state == "failed"
    assert result["fails"].tries == tries
    assert result.duration is not None
    assert abs(result.duration - took) < timedelta(minutes=2), "the time of the run is that of the delays"


def test_the_log_says_what_was_decided_and_why() -> None:
    assert (
        "Retry policy: fail (nobody lets us in)"
        in run_dag(failing(PermissionError("no")), raise_on_failure=False)["fails"].log
    )
    assert (
        "Retry policy: retry (try later)"
        in run_dag(failing(ConnectionError("x")), raise_on_failure=False)["fails"].log
    )


class Counting(RetryPolicy):
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int, bool]] = []

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        self.asked.append((type(exception).__name__, try_number, max_tries, context is not None))
        return RetryDecision.fail() if try_number == 2 else RetryDecision.retry(delay=1)


def test_a_policy_of_ones_own_is_told_of_each_try() -> None:
    policy = Counting()
    result = run_dag(failing(KeyError("x"), policy), raise_on_failure=False)
    assert policy.asked == [("KeyError", 1, 2, True), ("KeyError", 2, 2, True)]
    assert result["fails"].tries == 2


def test_a_policy_that_fails_does_not_count() -> None:
    class Broken(RetryPolicy):
        def evaluate(self, *args: Any, **kwargs: Any) -> RetryDecision:
            raise RuntimeError("the policy is broken")

    result = run_dag(failing(KeyError("x"), Broken()), raise_on_failure=False)
    assert result["fails"].tries == 3
    assert "The retry policy failed, and does not count: RuntimeError: the policy is broken" in result["fails"].log


def test_a_wait_that_times_out_is_judged_as_well() -> None:
    policy = Counting()

    class Waits(BaseOperator):
        def execute(self, context: Any) -> None:
            self.defer(SignalTrigger("never"), method_name="done", timeout=5)

        def done(self, context: Any, event: Any) -> None: ...

    with DAG("d") as dag:
        Waits(task_id="waits", retries=2, retry_policy=policy)
    result = run_dag(dag, raise_on_failure=False)
    assert [asked[0] for asked in policy.asked] == ["DeferralTimeout"] * 2
    assert result["waits"].state == "failed"
