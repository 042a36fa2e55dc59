"""Clearing and marking, over several runs, against a reference that was written from the guide alone.

The reference walks the graph edge by edge and asks of each instance by itself what becomes of it. It shares nothing
with :mod:`bide.model.selection` but the words in which the question is put.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bide.model.run_state import Structure
from bide.model.selection import Found, RunChoice, RunFacts, TaskChoice, choose_runs, plan_clear, plan_mark
from bide.model.states import TRANSITIONS, RunState, TaskState
from tests.support.dag_specs import dag_spec

S = TaskState
DAY = datetime(2026, 3, 1, tzinfo=UTC)
ENDED = {S.SUCCESS, S.FAILED, S.SKIPPED, S.UPSTREAM_FAILED, S.REMOVED}

Edges = set[tuple[str, str]]
#: (run, task, map index) → state
States = dict[tuple[str, str, int], TaskState]


@dataclass(frozen=True)
class World:
    """Some runs of one DAG."""

    tasks: list[str]
    edges: Edges
    #: Number of the day of each run; several may share one.
    days: dict[str, int]
    states: States

    @property
    def structure(self) -> Structure:
        upstream = {task: [before for before, after in sorted(self.edges) if after == task] for task in self.tasks}
        return Structure(dag_spec("d", upstream))

    def facts(self) -> list[RunFacts]:
        return [
            RunFacts(run, run, DAY + timedelta(days=day), RunState.RUNNING, "v") for run, day in self.days.items()
        ]

    def found(self, run: str) -> list[Found]:
        return [
            Found(f"{one}/{task}/{index}", one, one, task, index, 0, state, 1)
            for (one, task, index), state in self.states.items()
            if one == run
        ]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    tasks = [f"t{number}" for number in range(draw(st.integers(1, 6)))]
    pairs = [(a, b) for place, b in enumerate(tasks) for a in tasks[:place]]
    edges = set(draw(st.lists(st.sampled_from(pairs), unique=True))) if pairs else set[tuple[str, str]]()
    days = {f"r{number}": draw(st.integers(0, 4)) for number in range(draw(st.integers(1, 4)))}
    instances = {
        (run, task, index): draw(st.sampled_from(list(TaskState)))
        for run in days
        for task in tasks
        for index in draw(st.sampled_from([(-1,), (0, 1, 2)]))
    }
    return World(tasks, edges, days, instances)


@st.composite
def run_choices(draw: st.DrawFn, world: World) -> RunChoice:
    by_id = draw(st.booleans())
    dates = st.none() | st.integers(0, 4).map(lambda day: DAY + timedelta(days=day))
    return RunChoice(
        run_ids=frozenset(draw(st.sets(st.sampled_from(sorted(world.days)), min_size=1))) if by_id else None,
        start=draw(dates),
        end=draw(dates),
        past=draw(st.booleans()),
        future=draw(st.booleans()),
    )


@st.composite
def task_choices(draw: st.DrawFn, world: World) -> TaskChoice:
    only = draw(st.sampled_from(["", "failed", "running"]))
    how = draw(st.sampled_from(["all", "ids", "pattern", "mapped"]))
    places = st.tuples(st.sampled_from(world.tasks), st.sampled_from([-1, 0, 1]))
    return TaskChoice(
        task_ids=frozenset(draw(st.sets(st.sampled_from(world.tasks)))) if how == "ids" else None,
        pattern=draw(st.sampled_from(["t0", "[12]$", "t", "nothing"])) if how == "pattern" else None,
        mapped=frozenset(draw(st.sets(places, min_size=1))) if how == "mapped" else frozenset(),
        upstream=draw(st.booleans()),
        downstream=draw(st.booleans()),
        only_failed=only == "failed",
        only_running=only == "running",
    )


# --- the reference


def chosen_runs(world: World, choice: RunChoice) -> set[str]:
    def date(run: str) -> datetime:
        return DAY + timedelta(days=world.days[run])

    named = {
        run
        for run in world.days
        if (choice.run_ids is None or run in choice.run_ids)
        and not (choice.start and date(run) < choice.start)
        and not (choice.end and date(run) > choice.end)
    }
    if not named:
        return named
    return {
        run
        for run in world.days
        if run in named
        or (choice.past and all(date(run) <= date(one) for one in named))
        or (choice.future and all(date(run) >= date(one) for one in named))
    }


def reached(start: set[str], edges: Edges, *, backwards: bool) -> set[str]:
    """What comes after `start`, or before, walked edge by edge until nothing new is found."""
    steps = {(b, a) for a, b in edges} if backwards else edges
    found = set(start)
    while True:
        more = {after for before, after in steps if before in found} - found
        if not more:
            return found - start
        found |= more


def is_chosen(world: World, choice: TaskChoice, task: str, index: int) -> bool:
    if choice.pattern is not None:
        named = {one for one in world.tasks if re.search(choice.pattern, one)}
    elif choice.task_ids is not None:
        named = set(choice.task_ids)
    elif choice.mapped:
        named = set[str]()
    else:
        named = set(world.tasks)
    single = {one for one, _ in choice.mapped}
    if task in named or (task, index) in choice.mapped:
        return True
    begun = named | single
    if task in begun:
        return False  # another index of a mapped task
    before = reached(begun, world.edges, backwards=True) if choice.upstream else set[str]()
    after = reached(begun, world.edges, backwards=False) if choice.downstream else set[str]()
    return task in before | after


def cleared(world: World, runs: RunChoice, tasks: TaskChoice) -> States:
    """What the states are after a clear."""
    result = dict(world.states)
    for (run, task, index), state in world.states.items():
        if run not in chosen_runs(world, runs) or not is_chosen(world, tasks, task, index):
            continue
        if tasks.only_failed and state not in (S.FAILED, S.UPSTREAM_FAILED):
            continue
        if tasks.only_running and state not in (S.RUNNING, S.DEFERRED):
            continue
        result[run, task, index] = S.NONE
    return result


def marked(world: World, runs: RunChoice, tasks: TaskChoice, target: TaskState) -> States:
    """What the states are after a mark: with success and skipped, what has failed after it runs again."""
    result = dict(world.states)
    for run in chosen_runs(world, runs):
        mine = {(task, index): state for (one, task, index), state in world.states.items() if one == run}
        changed = {
            task
            for (task, index), state in mine.items()
            if is_chosen(world, tasks, task, index) and state is not target
        }
        after = reached(changed, world.edges, backwards=False) | changed
        for (task, index), state in mine.items():
            if is_chosen(world, tasks, task, index):
                result[run, task, index] = target
            elif target is not S.FAILED and task in after and state in (S.FAILED, S.UPSTREAM_FAILED):
                result[run, task, index] = S.NONE
    return result


# --- what is compared with it


def carried_out(world: World, runs: RunChoice, tasks: TaskChoice, target: TaskState | None) -> States:
    structure, result = world.structure, dict(world.states)
    for run in choose_runs(world.facts(), runs):
        found = world.found(run.run_id)
        plan = plan_clear(structure, found, tasks) if target is None else plan_mark(structure, found, tasks, target)
        for change in plan:
            one = change.found
            assert one.state in TRANSITIONS[change.transition].sources
            result[one.run_id, one.task_id, one.map_index] = change.target
    return result


def differences(one: Mapping[tuple[str, str, int], TaskState], other: States) -> dict[tuple[str, str, int], str]:
    return {
        place: f"{state} instead of {other[place]}" for place, state in one.items() if state is not other[place]
    }


@settings(max_examples=300)
@given(st.data())
def test_a_clear_does_what_the_reference_says(data: st.DataObject) -> None:
    world = data.draw(worlds())
    runs, tasks = data.draw(run_choices(world)), data.draw(task_choices(world))
    assert differences(carried_out(world, runs, tasks, None), cleared(world, runs, tasks)) == {}


@settings(max_examples=300)
@given(st.data())
def test_a_mark_does_what_the_reference_says(data: st.DataObject) -> None:
    world = data.draw(worlds())
    runs, tasks = data.draw(run_choices(world)), data.draw(task_choices(world))
    target = data.draw(st.sampled_from([S.SUCCESS, S.FAILED, S.SKIPPED]))
    assert differences(carried_out(world, runs, tasks, target), marked(world, runs, tasks, target)) == {}
