"""The decisions on a run: which tasks go on, and how it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bide.model.dag_spec import DagSpec, TaskSpec
from bide.model.ids import NOT_MAPPED
from bide.model.map_spec import MapSpec
from bide.model.mapping import count, literal_lengths, source_tasks
from bide.model.setup_teardown import Scopes, constrained, teardown_verdict
from bide.model.states import RunState, TaskState
from bide.model.trigger_rules import Verdict, evaluate
from bide.model.trigger_rules import count as count_states


@dataclass(frozen=True, slots=True)
class Mapped:
    """What is expanded as one: a mapped task, or all tasks of a mapped group."""

    #: Id of the task or group.
    owner: str
    spec: MapSpec
    is_group: bool = False
    #: Ids of the tasks that are expanded.
    members: tuple[str, ...] = ()


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
        #: Tasks that are expanded into instances with a map index of their own, by task id.
        self.mapped: Mapping[str, Mapped] = _mapped(spec)
        #: By task id the tasks of groups that are expanded over its results; not all of them need be behind it.
        self.expanded_with: Mapping[str, Sequence[str]] = _expanded_with(self.mapped.values())
        #: How many instances a run begins with.
        self.first_instances = len(self.tasks) + sum(len(self.first_indexes(one)) - 1 for one in self.mapped)
        #: The tasks that wait for each task in the run before theirs.
        self.watching_past = _watching_past(spec, downstream)

    def first_indexes(self, task_id: str) -> Sequence[int]:
        """Map indexes of the instances that a run begins with: one that stands for all, unless all are known."""
        mapped = self.mapped.get(task_id)
        lengths = None if mapped is None else literal_lengths(mapped.spec)
        total = 0 if mapped is None or lengths is None else count(mapped.spec, lengths)
        return range(total) if total else (NOT_MAPPED,)

    def in_step(self, task_id: str, other: str) -> bool:
        """Whether both are in one mapped group, so that an instance concerns only that with the same index."""
        mapped = self.mapped.get(task_id)
        return mapped is not None and mapped.is_group and self.mapped.get(other) is mapped


def _expanded_with(all_mapped: Iterable[Mapped]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for mapped in {one.owner: one for one in all_mapped if one.is_group}.values():
        for task_id in source_tasks(mapped.spec):
            found.setdefault(task_id, []).extend(mapped.members)
    return found


def _mapped(spec: DagSpec) -> dict[str, Mapped]:
    parents = {group.group_id: group.parent for group in spec.groups}
    mappings = {group.group_id: group.mapping for group in spec.groups if group.mapping is not None}
    found: dict[str, Mapped] = {}
    in_groups: dict[str, list[str]] = {}
    for task in spec.tasks:
        if task.mapping is not None:
            found[task.task_id] = Mapped(task.task_id, task.mapping, members=(task.task_id,))
            continue
        group_id = task.group_id if mappings else None
        while group_id is not None and group_id not in mappings:
            group_id = parents.get(group_id)
        if group_id is not None:
            in_groups.setdefault(group_id, []).append(task.task_id)
    for group_id, members in in_groups.items():
        mapped = Mapped(group_id, mappings[group_id], is_group=True, members=tuple(members))
        found.update(dict.fromkeys(members, mapped))
    return found


def _watching_past(spec: DagSpec, downstream: Mapping[str, Sequence[str]]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for task in spec.tasks:
        if task.depends_on_past:
            watched = [task.task_id, *(downstream[task.task_id] if task.wait_for_downstream else ())]
            for task_id in watched:
                found.setdefault(task_id, set()).add(task.task_id)
    return {task_id: frozenset(tasks) for task_id, tasks in found.items()}


class Instance(NamedTuple):
    """An instance as the decisions see it."""

    uid: str
    task_id: str
    epoch: int
    state: TaskState
    try_number: int = 0
    map_index: int = NOT_MAPPED


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


def waits_on(structure: Structure, task_id: str, counts: Mapping[TaskState, int]) -> bool:
    """Whether a task waits for a mapped one with these `counts`, whatever else it waits for has come to.

    A rule decides before all has ended by one state that it has seen, and at once: so what else has ended has been
    decided on already, and nothing but the end of all of this one can change that.
    """
    if not counts.get(TaskState.NONE, 0):
        return False
    task = structure.tasks[task_id]
    return task.is_teardown or evaluate(task.trigger_rule, count_states(counts)) is Verdict.WAIT


def concerned(
    structure: Structure, finished: Iterable[tuple[str, int]], settled: Container[tuple[str, str]] = ()
) -> dict[str, set[int] | None]:
    """As :func:`successors` of instances (task id, map index): with None for all instances of the task.

    In a mapped group an instance concerns only those with its own map index. `settled` has pairs of a task and a
    successor that it does not concern yet.
    """
    if not structure.mapped:
        return dict.fromkeys(successors(structure, {task_id for task_id, _ in finished}))
    found: dict[str, set[int] | None] = {}
    for task_id, map_index in finished:
        found.update(dict.fromkeys(structure.expanded_with.get(task_id, ())))
        for after in (*structure.downstream.get(task_id, ()), *structure.scopes.depending.get(task_id, ())):
            if (task_id, after) in settled:
                continue
            if map_index == NOT_MAPPED or not structure.in_step(after, task_id):
                found[after] = None
            else:
                known = found.setdefault(after, set())
                if known is not None:
                    known.add(map_index)
    return found


def needed(structure: Structure, candidates: Iterable[str]) -> set[str]:
    """The tasks whose instances :func:`advance` has to see to decide on `candidates`.

    Mapped ones are not among them: of those it has to see the counts.
    """
    tasks: set[str] = set()
    for task_id in candidates:
        tasks.add(task_id)
        tasks.update(structure.tasks[task_id].upstream)
        tasks.update(structure.scopes.far_setups.get(task_id, ()))
    return tasks - structure.mapped.keys()


#: By task id, how many instances of a mapped task are in which state; what is not finished counts as ``none``.
Counts = Mapping[str, Mapping[TaskState, int]]


def mapped_upstream(structure: Structure, candidates: Iterable[str]) -> set[str]:
    """The mapped tasks that `candidates` wait for."""
    if not structure.mapped:
        return set()
    return {up for task_id in candidates for up in waited_for(structure, task_id) if up in structure.mapped}


def waited_for(structure: Structure, task_id: str) -> tuple[str, ...]:
    """The tasks directly before a task, and the setups further up that it depends on."""
    return (*structure.tasks[task_id].upstream, *structure.scopes.far_setups.get(task_id, ()))


def advance(
    structure: Structure, candidates: Iterable[str], instances: Iterable[Instance], counts: Counts | None = None
) -> Advance:
    """Decide on the `candidates` that still wait for their upstream, given the `instances` :func:`needed`.

    None of the candidates is mapped; `counts` has the mapped tasks that they wait for.
    """
    known = counts or {}
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
        verdict = rule_verdict(structure, task_id, lambda up: known.get(up) or _states_of(by_task.get(up, ())))
        if verdict is not Verdict.WAIT:
            outcome[verdict].extend(waiting)
    return result


def _states_of(instances: Iterable[Instance]) -> Counter[TaskState]:
    return Counter(one.state for one in instances)


def rule_verdict(
    structure: Structure, task_id: str, states_of: Callable[[str], Mapping[TaskState, int]]
) -> Verdict:
    """What the rule of a task makes of the states of what it waits for; teardowns have one of their own."""
    task = structure.tasks[task_id]
    states = _sum(states_of(up) for up in task.upstream)
    if task.is_teardown:
        setups = structure.scopes.setups.intersection(task.upstream)
        verdict = teardown_verdict(count_states(states), count_states(_sum(states_of(up) for up in setups)))
    else:
        verdict = evaluate(task.trigger_rule, count_states(states))
    far = structure.scopes.far_setups.get(task_id)
    if far:
        verdict = constrained(verdict, [state for up in far for state, number in states_of(up).items() if number])
    return verdict


def _sum(counts: Iterable[Mapping[TaskState, int]]) -> Counter[TaskState]:
    total: Counter[TaskState] = Counter()
    for one in counts:
        total.update(one)
    return total


def final_state(leaf_states: Iterable[TaskState]) -> RunState:
    """How a run ends whose instances are all finished: failed if one of its leaves is."""
    broken = {TaskState.FAILED, TaskState.UPSTREAM_FAILED}
    return RunState.FAILED if any(state in broken for state in leaf_states) else RunState.SUCCESS
