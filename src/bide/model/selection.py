"""What a clear, a mark or a cancel would change: decided from the graph and the states alone.

A plan is a list of :class:`Change`. To show it is the dry run; to apply it, in the transaction that read the
states, is the command. So both are the same by construction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from bide.model.errors import InvalidArgument
from bide.model.ids import NOT_MAPPED
from bide.model.run_state import Structure
from bide.model.states import FINISHED, TRANSITIONS, RunState, TaskState, clearing, marking

#: What ``only_failed`` leaves in.
_FAILED: Final = frozenset({TaskState.FAILED, TaskState.UPSTREAM_FAILED})
#: What ``only_running`` leaves in: a worker or a trigger has it.
_RUNNING: Final = frozenset({TaskState.RUNNING, TaskState.DEFERRED})


class Found(NamedTuple):
    """A task instance as it was read."""

    uid: str
    run_uid: str
    run_id: str
    task_id: str
    map_index: int
    epoch: int
    state: TaskState
    try_number: int


class Change(NamedTuple):
    """One instance, and the transition that it is to take."""

    found: Found
    transition: str

    @property
    def target(self) -> TaskState:
        """The state after it."""
        return TRANSITIONS[self.transition].target


class RunFacts(NamedTuple):
    """A run as selections see it."""

    uid: str
    run_id: str
    #: The logical date, or where there is none the moment from which on it may run.
    date: datetime
    state: RunState
    version_uid: str


@dataclass(frozen=True, slots=True)
class RunChoice:
    """Which runs of a DAG: all of them, unless something narrows it down."""

    run_ids: frozenset[str] | None = None
    start: datetime | None = None
    end: datetime | None = None
    #: Also all runs before, or after, those chosen.
    past: bool = False
    future: bool = False


@dataclass(frozen=True, slots=True)
class TaskChoice:
    """Which tasks of the graph, and which of their instances: all, unless something narrows it down."""

    #: A regular expression that is searched for in the task's id.
    pattern: str | None = None
    #: Whole tasks, with all of their instances.
    task_ids: frozenset[str] | None = None
    #: Single instances of mapped tasks, by index.
    mapped: frozenset[tuple[str, int]] = frozenset()
    #: Of mapped tasks that were chosen, only the instances with this map index; what is before or after is whole.
    map_index: int | None = None
    #: Also everything before, or after, the tasks chosen.
    upstream: bool = False
    downstream: bool = False
    only_failed: bool = False
    only_running: bool = False

    def __post_init__(self) -> None:
        if self.only_failed and self.only_running:
            raise InvalidArgument("only failed and only running together leave nothing: choose one")

    @property
    def named(self) -> frozenset[str]:
        """Ids of tasks that were named, and so have to be there."""
        return (self.task_ids or frozenset()) | {task_id for task_id, _ in self.mapped}


def choose_runs(runs: Iterable[RunFacts], choice: RunChoice) -> list[RunFacts]:
    """The chosen of a DAG's `runs`, the earliest first."""
    ordered = sorted(runs, key=lambda run: (run.date, run.run_id))
    chosen = [run for run in ordered if _fits(run, choice)]
    if not chosen:
        return []
    first, last = chosen[0].date, chosen[-1].date
    kept = {run.uid for run in chosen}
    return [
        run
        for run in ordered
        if run.uid in kept or (choice.past and run.date <= first) or (choice.future and run.date >= last)
    ]


def _fits(run: RunFacts, choice: RunChoice) -> bool:
    return (
        (choice.run_ids is None or run.run_id in choice.run_ids)
        and (choice.start is None or run.date >= choice.start)
        and (choice.end is None or run.date <= choice.end)
    )


def relatives(start: Collection[str], neighbours: Callable[[str], Iterable[str]]) -> set[str]:
    """`start` and all that can be reached from there."""
    found = set(start)
    frontier = list(found)
    while frontier:
        for task_id in neighbours(frontier.pop()):
            if task_id not in found:
                found.add(task_id)
                frontier.append(task_id)
    return found


def choose_tasks(structure: Structure, choice: TaskChoice, *, with_setups: bool = False) -> Callable[[Found], bool]:
    """Whether an instance is one of the chosen tasks; tells nothing of its state.

    `with_setups` adds the setups that the chosen depend on, and the teardowns of what is set up again. Before and
    after a single instance of a mapped group are those with the same map index, and all that is outside.
    """
    whole = _seeds(structure, choice)
    single: dict[str, set[int]] = {}
    for task_id, map_index in choice.mapped:
        if task_id not in whole:
            single.setdefault(task_id, set()).add(map_index)
    if choice.map_index is not None:
        single |= {task_id: {choice.map_index} for task_id in whole & structure.mapped.keys()}
        whole = set[str]()
    roots, narrow = whole & structure.tasks.keys(), single.keys() & structure.tasks.keys()
    directions: list[tuple[bool, Callable[[str], Iterable[str]]]] = [
        (choice.upstream, lambda task_id: structure.tasks[task_id].upstream),
        (choice.downstream, lambda task_id: structure.downstream[task_id]),
    ]
    for is_wanted, neighbours in directions:
        if is_wanted:
            whole |= relatives(roots, neighbours)
            for task_id in relatives(narrow, neighbours) - whole - narrow:
                _widen(structure, task_id, whole, single)
    if with_setups:
        for task_id in structure.scopes.cleared_with(
            roots | narrow, upstream=choice.upstream, downstream=choice.downstream
        ):
            _widen(structure, task_id, whole, single)

    def is_chosen(one: Found) -> bool:
        if one.task_id not in structure.tasks:
            return False  # it is history: this version of the DAG can't run it
        return one.task_id in whole or one.map_index in single.get(one.task_id, ())

    return is_chosen


def _widen(structure: Structure, task_id: str, whole: set[str], single: dict[str, set[int]]) -> None:
    """Choose also this task: the instances with the indexes that are chosen in its mapped group, or all."""
    indexes = [of for one, of in single.items() if one != task_id and structure.in_step(task_id, one)]
    if indexes and task_id not in whole:
        single[task_id] = single.get(task_id, set[int]()).union(*indexes)
    else:
        whole.add(task_id)


def _seeds(structure: Structure, choice: TaskChoice) -> set[str]:
    if choice.pattern is None:
        if choice.task_ids is None:
            return set() if choice.mapped else set(structure.tasks)
        return set(choice.task_ids)
    try:
        pattern = re.compile(choice.pattern)
    except re.error as error:
        raise InvalidArgument(f"task pattern {choice.pattern!r} is no regular expression: {error}") from None
    return {task_id for task_id in structure.tasks if pattern.search(task_id)}


def plan_clear(structure: Structure, found: Iterable[Found], choice: TaskChoice) -> list[Change]:
    """Clear the chosen instances of a run of `structure`: those in ``none`` have nothing to clear."""
    is_chosen = choose_tasks(structure, choice, with_setups=True)
    changes: list[Change] = []
    for one in found:
        name = clearing(one.state)
        if name is not None and is_chosen(one) and _has_state(one, choice):
            changes.append(Change(one, name))
    return changes


def _has_state(one: Found, choice: TaskChoice) -> bool:
    if choice.only_failed:
        return one.state in _FAILED
    return not choice.only_running or one.state in _RUNNING


def plan_mark(structure: Structure, found: Iterable[Found], choice: TaskChoice, target: TaskState) -> list[Change]:
    """Mark the chosen instances of a run as `target`.

    With success and skipped the run goes on: what is downstream and has failed, or could not run, is cleared.
    """
    instances = list(found)
    is_chosen = choose_tasks(structure, choice)
    changes: list[Change] = []
    marked: dict[str, set[int]] = {}
    for one in instances:
        name = marking(one.state, target)
        if name is not None and is_chosen(one):
            changes.append(Change(one, name))
            marked.setdefault(one.task_id, set()).add(one.map_index)
    if target is TaskState.FAILED:
        return changes
    outside = {task_id for task_id in marked if not _is_in_group(structure, task_id)}
    after = relatives(outside, lambda task_id: structure.downstream[task_id])
    inside = {
        task_id: relatives({task_id}, lambda one: structure.downstream[one]) for task_id in marked.keys() - outside
    }

    def is_after(one: Found) -> bool:
        return one.task_id in after or any(
            one.task_id in behind
            and (not structure.in_step(one.task_id, task_id) or one.map_index in marked[task_id])
            for task_id, behind in inside.items()
        )

    return changes + [
        Change(one, "clear") for one in instances if one.state in _FAILED and is_after(one) and not is_chosen(one)
    ]


def _is_in_group(structure: Structure, task_id: str) -> bool:
    mapped = structure.mapped.get(task_id)
    return mapped is not None and mapped.is_group


def plan_run(found: Iterable[Found], target: RunState) -> list[Change]:
    """End a run as a whole: as success with all instances; as failed with what had begun, skipping the rest."""
    if target is RunState.SUCCESS:
        named = [
            (one, marking(one.state, TaskState.SUCCESS)) for one in found if one.state is not TaskState.REMOVED
        ]
        return [Change(one, name) for one, name in named if name is not None]
    return [
        Change(one, "cancel_unstarted" if one.state is TaskState.NONE else "cancel")
        for one in found
        if one.state not in FINISHED
    ]


def spared_teardowns(structure: Structure, found: Collection[Found]) -> frozenset[str]:
    """Teardowns that are to run, or go on, where a run is ended: those that have begun, or whose setups have."""
    succeeded = {one.task_id for one in found if one.state is TaskState.SUCCESS}

    def is_due(one: Found) -> bool:
        setups = [before for before in structure.tasks[one.task_id].upstream if structure.tasks[before].is_setup]
        return one.state is not TaskState.NONE or not setups or not succeeded.isdisjoint(setups)

    return frozenset(
        one.task_id
        for one in found
        if one.state not in FINISHED
        and one.task_id in structure.tasks
        and structure.tasks[one.task_id].is_teardown
        and is_due(one)
    )


def plan_stop(found: Iterable[Found]) -> list[Change]:
    """Stop what has not ended: what a worker has fails, all else is skipped."""
    return [
        Change(one, "cancel" if one.state is TaskState.RUNNING else "mark_skipped")
        for one in found
        if one.state not in FINISHED
    ]


def plan_timeout(found: Iterable[Found]) -> list[Change]:
    """Skip what has not ended when the time of its run is over."""
    return [Change(one, "mark_skipped") for one in found if one.state not in FINISHED]


def plan_move(structure: Structure, found: Iterable[Found]) -> list[Change]:
    """What moving a run to the version `structure` of its DAG ends: open instances of what it has no more.

    That are tasks, and elements of tasks that are not mapped any more. One that was begun of a task that is mapped
    now begins anew, as its elements.
    """
    changes: list[Change] = []
    for one in found:
        if one.state in FINISHED:
            continue
        is_mapped = one.task_id in structure.mapped
        if one.task_id not in structure.tasks or (one.map_index != NOT_MAPPED and not is_mapped):
            changes.append(Change(one, "remove"))
        elif is_mapped and one.map_index == NOT_MAPPED and (name := clearing(one.state)) is not None:
            changes.append(Change(one, name))
    return changes


def in_order(
    changes: Iterable[Change], runs: Sequence[RunFacts], order: Mapping[str, Sequence[str]]
) -> list[Change]:
    """`changes` by run, then by the order of tasks in `order` (by run uid), then by map index."""
    run_place = {run.uid: place for place, run in enumerate(runs)}
    task_place = {
        uid: {task_id: place for place, task_id in enumerate(task_ids)} for uid, task_ids in order.items()
    }

    def place(change: Change) -> tuple[int, int, str, int]:
        one = change.found
        tasks = task_place[one.run_uid]
        return (run_place[one.run_uid], tasks.get(one.task_id, len(tasks)), one.task_id, one.map_index)

    return sorted(changes, key=place)
