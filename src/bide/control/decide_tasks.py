"""Decide on tasks of running runs that nobody has decided on yet: which go on, and which are skipped or lost.

Runs of one version are decided on together, with the statements of one: a batch of runs that start, or tasks of
many runs that end at one moment, cost little more than one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bide.control.begin_tasks import Ready, begin
from bide.control.expand_tasks import consider_mapped, counts_of, end_undecided
from bide.control.past import held_by_past
from bide.control.skip_downstream import skip_left_out
from bide.model.run_state import Instance, Structure, advance, mapped_upstream, needed
from bide.store import Tx, instances, specs
from bide.store.runs import RunRow


class Question(NamedTuple):
    """Tasks of a run to decide on; of mapped groups only the instances with the map indexes that are given."""

    run: RunRow
    candidates: Mapping[str, set[int] | None]


def consider(tx: Tx, run: RunRow, candidates: Collection[str]) -> None:
    """Decide on those of these tasks of a running run that nobody has decided on yet."""
    decide(tx, [Question(run, dict.fromkeys(candidates))])


def decide(tx: Tx, asked: Sequence[Question]) -> None:
    """Decide on tasks of running runs."""
    alike: dict[str, list[Question]] = {}
    for one in asked:
        alike.setdefault(one.run.version_uid, []).append(one)
    for version_uid, group in alike.items():
        _decide(tx, specs.structure_of(tx, version_uid), group)


def _decide(tx: Tx, structure: Structure, asked: Sequence[Question]) -> None:
    held: dict[str, set[str]] = {}
    plain: dict[str, set[str]] = {}
    for run, candidates in asked:
        if structure.skippers:
            skip_left_out(tx, run, structure, candidates)
        held[run.uid] = held_by_past(tx, run, structure, candidates)
        plain[run.uid] = set(candidates) - structure.mapped.keys()
    _decide_plain(tx, structure, [run for run, _ in asked if plain[run.uid]], plain, held)
    for run, candidates in asked if structure.mapped else ():
        mapped = {
            task_id: indexes
            for task_id, indexes in candidates.items()
            if task_id in structure.mapped and task_id not in held[run.uid]
        }
        if mapped:
            consider_mapped(tx, run, structure, mapped)


def _decide_plain(
    tx: Tx,
    structure: Structure,
    asked: Sequence[RunRow],
    candidates: Mapping[str, set[str]],
    held: Mapping[str, set[str]],
) -> None:
    """Decide on `candidates`, by run, that are not mapped."""
    if not asked:
        return
    wanted = needed(structure, set[str]().union(*(candidates[run.uid] for run in asked)))
    found = instances.of_tasks_by_run(tx, [run.uid for run in asked], wanted)
    ready: list[Instance] = []
    skipped: list[Instance] = []
    lost: list[Instance] = []
    for run in asked:
        own, back = candidates[run.uid], held[run.uid]
        counts = counts_of(tx, run, mapped_upstream(structure, own))
        verdict = advance(structure, own, found.get(run.uid, ()), counts)
        ready += [one for one in verdict.schedule if one.task_id not in back]
        patient = {task_id for task_id in back if structure.tasks[task_id].wait_for_past_before_skipping}
        skipped += [one for one in verdict.skip if one.task_id not in patient]
        lost += verdict.upstream_failed
    begin(tx, structure, [Ready(one.uid, one.task_id, one.epoch, one.try_number + 1) for one in ready])
    end_undecided(tx, "skip", skipped)
    end_undecided(tx, "upstream_failed", lost)
