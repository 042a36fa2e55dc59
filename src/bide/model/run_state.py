"""The decisions on a run: which tasks go on, and how it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bide.model.dag_spec import DagSpec, TaskSpec
from bide.model.setup_teardown import Scopes, constrained, teardown_verdict
from bide.model.states import RunState, TaskState
from bide.model.trigger_rules import Verdict, count, evaluate


class Structure:
    """A DAG's shape, indexed once per version for the decisions below."""

    def __init__(self, spec: DagSpec) -> None:
        self.spec = spec
        self.tasks: dict[str, TaskSpec] = {task.task_id: task for task in spec.tasks}
        downstream: dict[str, list[str]] = {task_id: [] for task_id in self.tasks}
        for task in spec.tasks:
            for upstream in task.upstream:
                downstream[upstream].append(task.task_id)
        #: Direct successors by task id.
        self.downstream: Mapping[str, Sequence[str]] = downstream
        self.roots = tuple(task.task_id for task in spec.tasks if not task.upstream)
        #: Branches and short circuits.
        self.skippers = frozenset(task.task_id for task in spec.tasks if task.skips_downstream)
        self.scopes = Scopes(self.tasks, downstream)
        #: The tasks whose ends say how a run has ended.
        self.leaves = self.scopes.leaves()


class Instance(NamedTuple):
    """An instance as the decisions see it."""

    uid: str
    task_id: str
    epoch: int
    state: TaskState
    try_number: int = 0


@dataclass(frozen=True, slots=True)
class Advance:
    """What to do with a run's instances."""

    schedule: list[Instance] = field(default_factory=list[Instance])
    skip: list[Instance] = field(default_factory=list[Instance])
    upstream_failed: list[Instance] = field(default_factory=list[Instance])


def successors(structure: Structure, finished: Iterable[str]) -> set[str]:
    """The tasks whose verdict may have changed when `finished` tasks ended."""
    found: set[str] = set()
    for task_id in finished:
        found.update(structure.downstream.get(task_id, ()))
        found.update(structure.scopes.depending.get(task_id, ()))
    return found


def needed(structure: Structure, candidates: Iterable[str]) -> set[str]:
    """The tasks whose instances :func:`advance` has to see to decide on `candidates`."""
    tasks: set[str] = set()
    for task_id in candidates:
        tasks.add(task_id)
        tasks.update(structure.tasks[task_id].upstream)
        tasks.update(structure.scopes.far_setups.get(task_id, ()))
    return tasks


def advance(structure: Structure, candidates: Iterable[str], instances: Iterable[Instance]) -> Advance:
    """Decide on the `candidates` that still wait for their upstream, given the `instances` :func:`needed`."""
    by_task: dict[str, list[Instance]] = {}
    for instance in instances:
        by_task.setdefault(instance.task_id, []).append(instance)
    result = Advance()
    outcome = {
        Verdict.RUN: result.schedule,
        Verdict.SKIP: result.skip,
        Verdict.UPSTREAM_FAILED: result.upstream_failed,
    }
    for task_id in sorted(candidates):
        waiting = [one for one in by_task.get(task_id, ()) if one.state is TaskState.NONE]
        if not waiting:
            continue
        task = structure.tasks[task_id]
        states = Counter(one.state for up in task.upstream for one in by_task.get(up, ()))
        if task.is_teardown:
            setups = structure.scopes.setups.intersection(task.upstream)
            ready = Counter(one.state for up in setups for one in by_task.get(up, ()))
            verdict = teardown_verdict(count(states), count(ready))
        else:
            verdict = evaluate(task.trigger_rule, count(states))
        far = structure.scopes.far_setups.get(task_id)
        if far:
            verdict = constrained(verdict, [one.state for up in far for one in by_task.get(up, ())])
        if verdict is not Verdict.WAIT:
            outcome[verdict].extend(waiting)
    return result


def final_state(leaf_states: Iterable[TaskState]) -> RunState:
    """How a run ends whose instances are all finished: failed if one of its leaves is."""
    broken = {TaskState.FAILED, TaskState.UPSTREAM_FAILED}
    return RunState.FAILED if any(state in broken for state in leaf_states) else RunState.SUCCESS
