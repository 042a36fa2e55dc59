"""What the base arguments of every operator must be; checked when a task is made and again before it is stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Literal

from bide.authoring.hints import did_you_mean
from bide.authoring.moments import as_seconds
from bide.model.errors import InvalidArgument
from bide.model.trigger_rules import TRIGGER_RULES

if TYPE_CHECKING:
    from bide.authoring.operator import BaseOperator

WEIGHT_RULES: Final = ("downstream", "upstream", "absolute")
#: What becomes of the next try when external work of the last one could not be cancelled.
ON_CANCEL_FAILURE: Final[tuple[Literal["hold", "start"], ...]] = ("hold", "start")
#: What ``execution_timeout`` counts; the first unless a task or the settings say otherwise.
TIMEOUT_COUNTS: Final[tuple[Literal["total", "work"], ...]] = ("total", "work")


def check_operator(task: BaseOperator) -> None:
    """Raise :class:`InvalidArgument` naming DAG, task, argument and value for the first argument that is wrong."""
    of = name_of(task)
    _check_integer(task.retries, "retries", of, minimum=0)
    _check_integer(task.priority_weight, "priority_weight", of, minimum=None)
    _check_integer(task.pool_slots, "pool_slots", of, minimum=1)
    if as_seconds(task.retry_delay, name="retry_delay", of=of) is None:
        raise InvalidArgument(f"{of}: retry_delay must be a timedelta or a number of seconds, not None")
    as_seconds(task.max_retry_delay, name="max_retry_delay", of=of)
    as_seconds(task.execution_timeout, name="execution_timeout", of=of)
    as_seconds(task.cancel_timeout, name="cancel_timeout", of=of)
    as_seconds(task.sla, name="sla", of=of)
    for name in ("max_active_tis_per_dag", "max_active_tis_per_dagrun"):
        if getattr(task, name) is not None:
            _check_integer(getattr(task, name), name, of, minimum=1)
    backoff: Any = task.retry_exponential_backoff
    if not isinstance(backoff, bool | int | float) or backoff < 0:
        raise InvalidArgument(f"{of}: retry_exponential_backoff must be True, False or a factor, not {backoff!r}")
    if not task.is_teardown:
        check_choice(task.trigger_rule, TRIGGER_RULES, "trigger_rule", of)
    if task.retry_policy is not None and not callable(getattr(task.retry_policy, "evaluate", None)):
        raise InvalidArgument(f"{of}: retry_policy must be a RetryPolicy, not {task.retry_policy!r}")
    if isinstance(task.weight_rule, str) and "." not in task.weight_rule:
        check_choice(task.weight_rule, WEIGHT_RULES, "weight_rule", of)
    if task.on_cancel_failure is not None:
        check_choice(task.on_cancel_failure, ON_CANCEL_FAILURE, "on_cancel_failure", of)
    if task.execution_timeout_counts is not None:
        check_choice(task.execution_timeout_counts, TIMEOUT_COUNTS, "execution_timeout_counts", of)
    _check_addresses(task.email, of)
    for name in ("queue", "pool", "owner"):
        value: Any = getattr(task, name)
        if not isinstance(value, str):
            raise InvalidArgument(f"{of}: {name} must be a string, not {value!r}")


def name_of(task: BaseOperator) -> str:
    """DAG and task, for messages."""
    group = task.task_group
    dag_id = task.dag_id if task.has_dag() else group.dag.dag_id if group is not None else None
    return f"task {task.task_id!r}" if dag_id is None else f"DAG {dag_id!r}, task {task.task_id!r}"


def check_choice(value: str, choices: Iterable[str], name: str, of: str) -> None:
    """Raise :class:`InvalidArgument` unless `value` is one of `choices`, with the nearest one as a hint."""
    choices = tuple(choices)
    if value in choices:
        return
    hint = did_you_mean(value, choices) or f"; it may be {', '.join(choices)}"
    raise InvalidArgument(f"{of}: unknown {name} {value!r}{hint}")


def _check_addresses(email: Any, of: str) -> None:
    found: list[Any] = [email] if isinstance(email, str) or not isinstance(email, Iterable) else [*email]
    if email is not None and not all(isinstance(one, str) for one in found):
        raise InvalidArgument(f"{of}: email must be an address or a list of them, not {email!r}")


def _check_integer(value: object, name: str, of: str, *, minimum: int | None) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        hint = " (retry_delay is the time between tries)" if isinstance(value, dt.timedelta) else ""
        raise InvalidArgument(f"{of}: {name} must be an integer, not {type(value).__name__}: {value!r}{hint}")
    if minimum is not None and value < minimum:
        raise InvalidArgument(f"{of}: {name} must be {minimum} or more, not {value}")
