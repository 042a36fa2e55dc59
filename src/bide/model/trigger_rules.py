"""Trigger rules: from the states of a task's direct upstream to what becomes of the task.

The rules and their names are Airflow's
(https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html#trigger-rules).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bide.model.states import FINISHED, TaskState


class Verdict(StrEnum):
    """What becomes of a task."""

    WAIT = "wait"
    RUN = "run"
    SKIP = "skip"
    UPSTREAM_FAILED = "upstream_failed"


@dataclass(frozen=True, slots=True)
class Upstream:
    """How many of a task's direct upstream instances are in which finished state."""

    total: int
    success: int = 0
    failed: int = 0
    skipped: int = 0
    upstream_failed: int = 0
    removed: int = 0

    @property
    def done(self) -> int:
        """How many are finished."""
        return self.success + self.failed + self.skipped + self.upstream_failed + self.removed

    @property
    def broken(self) -> int:
        """How many failed, themselves or by their own upstream."""
        return self.failed + self.upstream_failed

    @property
    def all_done(self) -> bool:
        """Whether nothing more is to come."""
        return self.done == self.total


def count(states: Mapping[TaskState, int]) -> Upstream:
    """The counts of an upstream whose instances are in `states`."""
    return Upstream(
        total=sum(states.values()),
        **{state.value: states.get(state, 0) for state in FINISHED},
    )


def _all_success(up: Upstream) -> Verdict:
    if up.broken:
        return Verdict.UPSTREAM_FAILED
    if up.skipped:
        return Verdict.SKIP
    return Verdict.RUN if up.all_done else Verdict.WAIT


def _all_failed(up: Upstream) -> Verdict:
    if up.success or up.skipped or up.removed:
        return Verdict.SKIP
    return Verdict.RUN if up.all_done else Verdict.WAIT


def _all_done(up: Upstream) -> Verdict:
    return Verdict.RUN if up.all_done else Verdict.WAIT


def _all_done_min_one_success(up: Upstream) -> Verdict:
    if not up.all_done:
        return Verdict.WAIT
    if up.success:
        return Verdict.RUN
    return Verdict.UPSTREAM_FAILED if up.broken else Verdict.SKIP


def _one_success(up: Upstream) -> Verdict:
    if up.success:
        return Verdict.RUN
    if not up.all_done:
        return Verdict.WAIT
    return Verdict.UPSTREAM_FAILED if up.broken else Verdict.SKIP


def _one_failed(up: Upstream) -> Verdict:
    if up.broken:
        return Verdict.RUN
    return Verdict.SKIP if up.all_done else Verdict.WAIT


def _one_done(up: Upstream) -> Verdict:
    if up.success or up.failed:
        return Verdict.RUN
    return Verdict.SKIP if up.all_done else Verdict.WAIT


def _none_failed(up: Upstream) -> Verdict:
    if up.broken:
        return Verdict.UPSTREAM_FAILED
    return Verdict.RUN if up.all_done else Verdict.WAIT


def _none_failed_min_one_success(up: Upstream) -> Verdict:
    if up.broken:
        return Verdict.UPSTREAM_FAILED
    if not up.all_done:
        return Verdict.WAIT
    return Verdict.RUN if up.success else Verdict.SKIP


def _none_skipped(up: Upstream) -> Verdict:
    if up.skipped:
        return Verdict.SKIP
    return Verdict.RUN if up.all_done else Verdict.WAIT


def _all_skipped(up: Upstream) -> Verdict:
    if up.success or up.broken or up.removed:
        return Verdict.SKIP
    return Verdict.RUN if up.all_done else Verdict.WAIT


def _always(_up: Upstream) -> Verdict:
    return Verdict.RUN


_RULES: Final[dict[str, Callable[[Upstream], Verdict]]] = {
    "all_success": _all_success,
    "all_failed": _all_failed,
    "all_done": _all_done,
    "all_done_min_one_success": _all_done_min_one_success,
    "one_success": _one_success,
    "one_failed": _one_failed,
    "one_done": _one_done,
    "none_failed": _none_failed,
    "none_failed_min_one_success": _none_failed_min_one_success,
    "none_failed_or_skipped": _none_failed_min_one_success,
    "none_skipped": _none_skipped,
    "all_skipped": _all_skipped,
    "always": _always,
    "dummy": _always,
}

#: Every rule's name, in the order in which messages list them.
TRIGGER_RULES: Final[tuple[str, ...]] = tuple(_RULES)
#: The rule that every teardown has, and nothing else: see :mod:`bide.model.setup_teardown`.
TEARDOWN_RULE: Final = "all_done_setup_success"


def evaluate(rule: str, upstream: Upstream) -> Verdict:
    """What becomes of a task with `rule` above `upstream`. A task without upstream runs.

    The verdict of a finished upstream is never WAIT, so that every run ends.
    """
    if upstream.total == 0:
        return Verdict.RUN
    return _RULES[rule](upstream)
