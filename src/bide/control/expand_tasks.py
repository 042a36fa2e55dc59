"""Decide on mapped tasks: expand those whose lengths are known, and let their instances begin.

A mapped task begins as one instance with the map index -1, which stands for all, unless its lengths are those of
lists in the DAG file. Once what it is expanded over has ended, that instance becomes the first of as many as there
are elements, in one transaction. None is looked at one by one: whoever waits for a mapped task reads its counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from bide.control.begin_tasks import Ready, begin
from bide.model.errors import InvalidArgument
from bide.model.ids import NOT_MAPPED
from bide.model.mapping import count, leaves, source_tasks
from bide.model.run_state import Instance, Mapped, Structure, rule_verdict, waited_for
from bide.model.states import FINISHED, TaskState
from bide.model.trigger_rules import Verdict
from bide.store import Tx, expansions, instances, mapped_instances, runs, transitions, xcoms
from bide.store.expansions import Measure
from bide.store.runs import RunRow
from bide.store.transitions import Guard

_BROKEN = frozenset({TaskState.FAILED, TaskState.UPSTREAM_FAILED, TaskState.REMOVED})


def counts_of(tx: Tx, run: RunRow, task_ids: Collection[str]) -> dict[str, Mapping[TaskState, int]]:
    """How many instances of these mapped tasks are in which state; what is not finished counts as ``none``."""
    if not task_ids:
        return {}
    rows = expansions.get_many(tx, [run.uid], task_ids)
    found = {task_id: row.counts for (_, task_id), row in rows.items()}
    unexpanded = set(task_ids) - found.keys()
    if unexpanded:
        for one in mapped_instances.of_indexes(tx, run.uid, unexpanded, [NOT_MAPPED]):
            found[one.task_id] = {one.state if one.state in FINISHED else TaskState.NONE: 1}
    return found


def end_undecided(tx: Tx, name: str, ended: Sequence[Instance], *, error: str | None = None) -> None:
    """Take instances that were not begun through ``skip``, ``upstream_failed`` or ``remove``."""
    sets = {"end_date": tx.now} if error is None else {"end_date": tx.now, "error": error}
    transitions.apply(tx, name, [Guard(one.uid, one.epoch, sets) for one in ended], by="scheduler")


class _Extent(NamedTuple):
    """What is known of what a task is expanded over."""

    #: RUN if it is all there; else what becomes of the task, and why.
    verdict: Verdict
    measures: tuple[Measure, ...] = ()
    total: int = 0
    reason: str | None = None


def consider_mapped(tx: Tx, run: RunRow, structure: Structure, candidates: Mapping[str, set[int] | None]) -> None:
    """Decide on mapped tasks: on all undecided instances, or on those with the map indexes that are given."""
    outside = _states_outside(tx, run, structure, candidates)
    extents: dict[str, _Extent] = {}
    grown: dict[str, None] = {}
    for task_id in sorted(candidates):
        indexes = candidates[task_id]
        verdicts = _verdicts(tx, run, structure, task_id, indexes, outside)
        end_undecided(tx, "skip", verdicts[Verdict.SKIP])
        end_undecided(tx, "upstream_failed", verdicts[Verdict.UPSTREAM_FAILED])
        runnable = verdicts[Verdict.RUN]
        mapped = structure.mapped[task_id]
        if not runnable or mapped.owner in grown:
            continue
        if indexes is None:
            if mapped.owner not in extents:
                extents[mapped.owner] = _measure(tx, run, structure, mapped)
            extent = extents[mapped.owner]
            if extent.verdict is Verdict.RUN and _fit(tx, run, structure, mapped, extent):
                grown.update(dict.fromkeys(mapped.members))
                grown[mapped.owner] = None
                continue
            if extent.verdict is not Verdict.RUN:
                _end_unexpandable(tx, run, runnable, extent)
                continue
        begin(tx, structure, [Ready(one.uid, one.task_id, one.epoch, one.try_number + 1) for one in runnable])
    again = [task_id for task_id in grown if task_id in structure.mapped]
    if again:
        # They have other instances now than those that were decided on.
        consider_mapped(tx, run, structure, dict.fromkeys(again))


def _states_outside(
    tx: Tx, run: RunRow, structure: Structure, candidates: Iterable[str]
) -> dict[str, Mapping[TaskState, int]]:
    """Of each task that a candidate waits for as a whole, how many instances are in which state."""
    before = {
        up for task_id in candidates for up in waited_for(structure, task_id) if not structure.in_step(task_id, up)
    }
    plain = before - structure.mapped.keys()
    states: dict[str, Counter[TaskState]] = {}
    for one in instances.of_tasks(tx, run.uid, plain) if plain else ():
        states.setdefault(one.task_id, Counter())[one.state] += 1
    return {**states, **counts_of(tx, run, before - plain)}


def _verdicts(
    tx: Tx,
    run: RunRow,
    structure: Structure,
    task_id: str,
    indexes: set[int] | None,
    outside: Mapping[str, Mapping[TaskState, int]],
) -> dict[Verdict, list[Instance]]:
    """What the trigger rule says of the undecided instances of a task."""
    found: dict[Verdict, list[Instance]] = {verdict: [] for verdict in Verdict}
    inside = [up for up in waited_for(structure, task_id) if structure.in_step(task_id, up)]
    if not inside:
        verdict = rule_verdict(structure, task_id, lambda up: outside.get(up, {}))
        if verdict is not Verdict.WAIT:
            found[verdict] = mapped_instances.undecided(tx, run.uid, [task_id])
        return found
    members = [task_id, *inside]
    if indexes is None:
        rows = instances.of_tasks(tx, run.uid, members)
    else:
        rows = mapped_instances.of_indexes(tx, run.uid, members, {*indexes, NOT_MAPPED})
    by_place = {(one.task_id, one.map_index): one.state for one in rows}

    def states_beside(index: int, up: str) -> Mapping[TaskState, int]:
        if up not in inside:
            return outside.get(up, {})
        # One that ended before its group was expanded stands for all indexes.
        state = by_place.get((up, index)) or by_place.get((up, NOT_MAPPED))
        return {} if state is None else {state: 1}

    for one in rows:
        if one.task_id == task_id and one.state is TaskState.NONE:
            verdict = rule_verdict(structure, task_id, partial(states_beside, one.map_index))
            found[verdict].append(one)
    return found


def _measure(tx: Tx, run: RunRow, structure: Structure, mapped: Mapped) -> _Extent:
    """How long everything is that a task or group is expanded over."""
    spec = mapped.spec
    sources = source_tasks(spec)
    over_mapped = sources & structure.mapped.keys()
    states = counts_of(tx, run, over_mapped)
    for one in instances.of_tasks(tx, run.uid, sources - over_mapped) if sources - over_mapped else ():
        states[one.task_id] = {one.state: 1}
    if any(number and state not in FINISHED for counts in states.values() for state, number in counts.items()):
        return _Extent(Verdict.WAIT)
    expanded = expansions.get_many(tx, [run.uid], over_mapped) if over_mapped else {}
    whole = sources - {task_id for _, task_id in expanded}
    ended = {state for task_id in whole for state, number in states.get(task_id, {}).items() if number}
    if ended & _BROKEN:
        return _Extent(Verdict.UPSTREAM_FAILED, reason="what it is expanded over has failed")
    if TaskState.SKIPPED in ended:
        return _Extent(Verdict.SKIP)
    results = [leaf for leaf in leaves(spec) if leaf.kind == "xcom"]
    keys = {leaf.key for leaf in results}
    known = xcoms.describe(tx, run.dag_id, [run.run_id], whole, keys) if whole else {}
    measures: list[Measure] = []
    for leaf in leaves(spec):
        if leaf.kind == "literal":
            measures.append(Measure(leaf.length))
        elif leaf.task_id not in whole:
            number = xcoms.count_mapped(tx, run.dag_id, run.run_id, leaf.task_id, leaf.key)
            measures.append(Measure(number, expanded[run.uid, leaf.task_id].total))
        else:
            found = known.get((run.run_id, leaf.task_id, leaf.key))
            if found is None or found.length is None:
                left = "nothing" if found is None else "no list or dict"
                reason = f"task {leaf.task_id!r} has left {left} under {leaf.key!r} that it could be expanded over"
                return _Extent(Verdict.UPSTREAM_FAILED, reason=reason)
            measures.append(Measure(found.length, None, found.timestamp.isoformat()))
    try:
        total = count(spec, [one.length for one in measures])
    except InvalidArgument as error:
        return _Extent(Verdict.UPSTREAM_FAILED, reason=str(error))
    return _Extent(Verdict.RUN if total else Verdict.SKIP, tuple(measures), total)


def _fit(tx: Tx, run: RunRow, structure: Structure, mapped: Mapped, extent: _Extent) -> bool:
    """Give the tasks as many instances as there are elements; False if they have them already."""
    known = expansions.get_many(tx, [run.uid], mapped.members)
    stale = [one for one in mapped.members if (run.uid, one) in known]
    stale = [one for one in stale if known[run.uid, one].measures != extent.measures]
    placeholders = [
        one
        for one in mapped_instances.of_indexes(tx, run.uid, mapped.members, [NOT_MAPPED])
        if one.state is TaskState.NONE
    ]
    if not stale and not placeholders:
        return False
    moved = expansions.move_first(tx, {one.uid: one.epoch for one in placeholders})
    first = {one.task_id: 1 for one in placeholders if one.uid in moved}
    first |= {task_id: known[run.uid, task_id].total for task_id in stale}
    made = [
        (structure.tasks[task_id], index)
        for task_id, begins in first.items()
        for index in range(begins, extent.total)
    ]
    runs.add_instances(tx, run, made)
    if made:
        runs.grow(tx, run.uid, len(made))
    for task_id, begins in first.items():
        expansions.put(tx, run.uid, {task_id: max(begins, extent.total)}, extent.measures)
    _remove(tx, run, mapped_instances.undecided(tx, run.uid, stale) if stale else [], extent.total)
    tx.ring("history")
    return True


def _remove(tx: Tx, run: RunRow, undecided: Iterable[Instance], total: int) -> None:
    """Instances that were cleared, and for which there is no element any more. What they left goes with them."""
    gone = [one for one in undecided if one.map_index >= total]
    if gone:
        end_undecided(tx, "remove", gone)
        xcoms.clear_from(tx, run.dag_id, run.run_id, {one.task_id for one in gone}, total)


def _end_unexpandable(tx: Tx, run: RunRow, runnable: Sequence[Instance], extent: _Extent) -> None:
    """What can't be expanded, or into nothing, ends; of several cleared instances the first one does for all."""
    if extent.verdict is Verdict.WAIT:
        return
    name = "skip" if extent.verdict is Verdict.SKIP else "upstream_failed"
    kept = [one for one in runnable if one.map_index <= 0]
    end_undecided(tx, name, kept, error=extent.reason)
    if any(one.map_index >= 0 for one in kept):
        xcoms.clear_from(tx, run.dag_id, run.run_id, {one.task_id for one in kept}, 0)
    _remove(tx, run, runnable, 1)
