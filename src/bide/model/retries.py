"""Whether a failed task is tried again, and when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from bide.model.dag_spec import TaskSpec
from bide.model.moments import FOREVER, later

#: No delay is longer, whatever the back-off says (seconds). A `max_retry_delay` can only shorten it.
LONGEST_DELAY: Final = 24 * 3600.0
#: How often a try is started again, without costing one, after its engine or host died.
MAX_RESCUES: Final = 3


class AfterFailure(NamedTuple):
    """What becomes of a task whose try is over."""

    state: Literal["success", "failed", "up_for_retry", "skipped"]
    due_at: datetime | None = None


def delay_before(spec: TaskSpec, next_try: int) -> timedelta:
    """The pause before try `next_try` (2 is the first retry).

    With a back-off of 2 and a delay of 5 minutes: 5, 10, 20 minutes, exactly.
    """
    seconds = spec.retry_delay
    if spec.retry_backoff != 1.0 and seconds > 0:
        longest = spec.max_retry_delay if spec.max_retry_delay is not None else LONGEST_DELAY
        for _ in range(next_try - 2):
            seconds *= spec.retry_backoff
            if seconds >= longest:
                break
    if spec.max_retry_delay is not None:
        seconds = min(seconds, spec.max_retry_delay)
    return timedelta(seconds=min(seconds, LONGEST_DELAY if spec.retry_backoff != 1.0 else FOREVER))


def has_tries_left(*, try_number: int, max_tries: int) -> bool:
    """Whether another try may follow this one."""
    return try_number <= max_tries


def after_failure(
    spec: TaskSpec | None,
    *,
    try_number: int,
    max_tries: int,
    may_retry: bool,
    now: datetime,
    retry_delay: float | None = None,
) -> AfterFailure:
    """Decide on a try that failed at `now`. Without a spec (the task is gone from the DAG) it stays failed.

    `retry_delay` (seconds) takes the place of what the spec says.
    """
    if may_retry and spec is not None and has_tries_left(try_number=try_number, max_tries=max_tries):
        # A clear lets the tries begin anew, and with them the back-off.
        earlier = max(0, max_tries - spec.retries)
        delay = retry_delay
        if delay is None:
            delay = delay_before(spec, try_number + 1 - earlier).total_seconds()
        return AfterFailure("up_for_retry", later(now, max(0.0, delay)))
    return AfterFailure("failed")


def after_failed_wait(
    spec: TaskSpec | None,
    *,
    try_number: int,
    max_tries: int,
    may_retry: bool,
    now: datetime,
    retry_delay: float | None = None,
) -> AfterFailure:
    """As :func:`after_failure`, for a wait that failed without the task: `soft_fail` ends it as skipped."""
    if spec is not None and spec.soft_fail:
        return AfterFailure("skipped")
    return after_failure(
        spec, try_number=try_number, max_tries=max_tries, may_retry=may_retry, now=now, retry_delay=retry_delay
    )
