"""Watches: what a task waits for in other runs, and when that is decided.

A watch names runs of one DAG, by id or by logical date, and states: of the runs themselves, or of some of their
tasks. It is decided by the states alone, whenever one of those runs has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from bide.model.states import FINISHED, FINISHED_RUN

#: ``waiting``: not decided yet.
WatchStatus = Literal["waiting", "success", "failed", "skipped"]


class Watch(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is watched. It is over when every run that it names is in one of the states `allowed`."""

    dag_id: str
    #: The runs: by id, or by logical date (ISO 8601, in UTC).
    run_ids: tuple[str, ...] = ()
    logical_dates: tuple[str, ...] = ()
    #: Tasks of those runs; without any, and without `group_id`, the runs themselves.
    task_ids: tuple[str, ...] = ()
    #: All tasks in this group.
    group_id: str | None = None
    allowed: tuple[str, ...] = ("success",)
    #: One of these anywhere decides at once.
    failed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    #: The waiting task ends with its success, without a worker.
    ends: bool = False

    @property
    def of_tasks(self) -> bool:
        """Whether tasks are watched rather than runs."""
        return bool(self.task_ids) or self.group_id is not None


class Verdict(NamedTuple):
    """What a watch has come to, and one line for people that says why."""

    status: WatchStatus
    seen: str


class SeenRun(NamedTuple):
    """A run that a watch names: its id, and the states of the run (under "") or of each task watched in it."""

    run_id: str
    states: Mapping[str, Sequence[str]]


def decide(watch: Watch, targets: Sequence[tuple[str, Sequence[SeenRun]]]) -> Verdict:
    """Decide by the runs found for each of the ids or dates that `watch` names.

    Several runs may share a date; then one that is allowed is enough.
    """
    every = [run for _, found in targets for run in found]
    for status, states in (("failed", watch.failed), ("skipped", watch.skipped)):
        hit = _first(every, states)
        if hit is not None:
            return Verdict("failed" if status == "failed" else "skipped", hit)
    for name, found in targets:
        if not found:
            return Verdict("waiting", f"there is no run {name} of {watch.dag_id} yet")
        if not any(_is_allowed(run, watch.allowed) for run in found):
            return Verdict("waiting", _open(found[0], watch.allowed))
    return Verdict("success", f"{watch.dag_id} is where it was waited for")


def _first(runs: Iterable[SeenRun], states: Sequence[str]) -> str | None:
    for run in runs:
        for task_id, found in run.states.items():
            for state in found:
                if state in states:
                    return _said(run, task_id, state)
    return None


def _is_allowed(run: SeenRun, allowed: Sequence[str]) -> bool:
    return bool(run.states) and all(
        found and all(state in allowed for state in found) for found in run.states.values()
    )


def _open(run: SeenRun, allowed: Sequence[str]) -> str:
    for task_id, found in run.states.items():
        if not found:
            return f"run {run.run_id} has no task {task_id}"
        for state in found:
            if state not in allowed:
                return _said(run, task_id, state)
    return f"run {run.run_id} has none of the tasks"


def _said(run: SeenRun, task_id: str, state: str) -> str:
    return f"{task_id} of run {run.run_id} is {state}" if task_id else f"run {run.run_id} is {state}"


def is_final(state: str, *, of_tasks: bool) -> bool:
    """Whether nothing but a person takes a task, or a run, out of `state`: only then can it be waited for."""
    return state in (FINISHED if of_tasks else FINISHED_RUN)
