"""Setups and teardowns: what makes ready for the tasks between them, and what cleans up after.

A teardown belongs to the setups directly before it. It runs once all that is before it has ended, however, if one
of its setups has succeeded. A task has a setup that lies somewhere before it, unless the setup's teardowns lie
before the task as well: then that is over. The rules are Airflow's
(https://airflow.apache.org/docs/apache-airflow/stable/howto/setup-and-teardown.html).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from bide.model.dag_spec import TaskSpec
from bide.model.states import TaskState
from bide.model.trigger_rules import Upstream, Verdict


class Scopes:
    """Which tasks lie between which setups and teardowns. Made once per version of a DAG."""

    def __init__(self, tasks: Mapping[str, TaskSpec], downstream: Mapping[str, Sequence[str]]) -> None:
        self._tasks = tasks
        self._downstream = downstream
        self.setups = frozenset(task_id for task_id, task in tasks.items() if task.is_setup)
        self.teardowns = frozenset(task_id for task_id, task in tasks.items() if task.is_teardown)
        #: Setups that a task depends on without being directly after them, by task id.
        self.far_setups: dict[str, tuple[str, ...]] = {}
        #: The other way round: tasks that may be decided on when a setup has ended.
        self.depending: dict[str, list[str]] = {}
        if self.setups:
            self._find_far_setups()

    def _find_far_setups(self) -> None:
        for task_id, task in self._tasks.items():
            if task.is_teardown or task.trigger_rule in ("always", "dummy"):
                continue
            far = [setup for setup in self._setups_of(task_id) if setup not in task.upstream]
            if far:
                self.far_setups[task_id] = tuple(sorted(far))
                for setup in far:
                    self.depending.setdefault(setup, []).append(task_id)

    def leaves(self) -> tuple[str, ...]:
        """The tasks whose ends say how a run has ended: teardowns that fail don't fail it, unless they say so."""

        def is_ignored(task_id: str) -> bool:
            task = self._tasks[task_id]
            return task.is_teardown and not task.on_failure_fail_dagrun

        found = tuple(
            task_id
            for task_id, after in self._downstream.items()
            if not is_ignored(task_id) and all(is_ignored(one) for one in after)
        )
        return found or tuple(task_id for task_id, after in self._downstream.items() if not after)

    def _flat(self, task_id: str, *, upstream: bool) -> set[str]:
        found: set[str] = set()
        waiting = [task_id]
        while waiting:
            one = waiting.pop()
            near: Iterable[str] = self._tasks[one].upstream if upstream else self._downstream[one]
            fresh = set(near) - found
            found |= fresh
            waiting.extend(fresh)
        return found

    def _teardowns_of(self, setup: str) -> set[str]:
        return set(self._downstream[setup]) & self.teardowns

    def _setups_of(self, task_id: str) -> set[str]:
        """The setups that `task_id` depends on: those before it that are not torn down before it."""
        before = self._flat(task_id, upstream=True) & self.setups
        after = self._flat(task_id, upstream=False) if before else set[str]()
        return {setup for setup in before if not (ends := self._teardowns_of(setup)) or ends & after}

    def cleared_with(self, chosen: Collection[str], *, upstream: bool, downstream: bool) -> set[str]:
        """What is cleared beside the `chosen` tasks: setups that they depend on, and teardowns of what is set up.

        `upstream` and `downstream` say whether all before, or after, the chosen is cleared too.
        """
        if not self.setups:
            return set()
        added: set[str] = set()
        for task_id in chosen:
            task = self._tasks[task_id]
            if downstream:
                for after in self._flat(task_id, upstream=False):
                    added |= self._with_teardowns(after)
            if upstream:
                for before in self._flat(task_id, upstream=True) & self.setups:
                    added |= self._teardowns_of(before) - {task_id}
            else:
                added |= self._with_teardowns(task_id)
            if task.is_setup and not downstream:
                added |= self._teardowns_of(task_id)
        return added - set(chosen)

    def _with_teardowns(self, task_id: str) -> set[str]:
        task = self._tasks[task_id]
        if task.is_setup or task.is_teardown:
            return set()
        setups = self._setups_of(task_id)
        return setups.union(*(self._teardowns_of(setup) for setup in setups)) - {task_id}


def teardown_verdict(upstream: Upstream, setups: Upstream) -> Verdict:
    """What becomes of a teardown: `upstream` is all directly before it, `setups` those of them that are setups."""
    if not upstream.all_done:
        return Verdict.WAIT
    if setups.total and setups.skipped >= setups.total:
        return Verdict.SKIP
    if setups.total and not setups.success:
        return Verdict.UPSTREAM_FAILED
    return Verdict.RUN


def constrained(verdict: Verdict, far_setups: Collection[TaskState]) -> Verdict:
    """`verdict` on a task whose setups, further up, are in these states: without them it can't run."""
    if verdict is not Verdict.RUN:
        return verdict
    if any(state in (TaskState.FAILED, TaskState.UPSTREAM_FAILED) for state in far_setups):
        return Verdict.UPSTREAM_FAILED
    if any(state is TaskState.SKIPPED for state in far_setups):
        return Verdict.SKIP
    return Verdict.RUN if all(state is TaskState.SUCCESS for state in far_setups) else Verdict.WAIT
