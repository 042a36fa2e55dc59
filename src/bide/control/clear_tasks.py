"""Clear task instances: they run again, with all of their retries, and their runs with them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

from bide.control.clear_beyond import beyond_markers
from bide.control.deadlines import set_anew
from bide.control.decide_tasks import consider
from bide.control.force_states import force
from bide.control.selecting import Plan, Selected, audit, check_tasks, ordered, select
from bide.control.unmap_tasks import unmap_changed
from bide.model.selection import Change, RunChoice, TaskChoice, plan_clear, plan_move
from bide.model.states import FINISHED_RUN, RunState, TaskState
from bide.store import Store, Tx, runs


async def clear_tasks(
    store: Store,
    dag_id: str,
    *,
    which_runs: RunChoice,
    which_tasks: TaskChoice,
    latest: bool = False,
    reset_runs: bool = True,
    dry_run: bool = False,
    by: str,
) -> Plan:
    """Clear the chosen instances; the answer has them, or with `dry_run` those that it would be.

    Runs that have ended go back to queued, unless not `reset_runs`. `latest` moves the runs to the newest version
    of the DAG; else each keeps the one that it was made with. Raises :class:`NotFound`.
    """

    asked = _Asked(dag_id, which_runs, which_tasks, latest, reset_runs)
    if dry_run:
        return (await store.read(lambda tx: _look(tx, asked)))[1]
    return await store.write(lambda tx: _clear(tx, asked, by))


def clear_run(tx: Tx, dag_id: str, run_id: str, which_tasks: TaskChoice, *, by: str) -> Plan:
    """Clear what is chosen of one run, which moves to the newest version of its DAG, in this transaction."""
    return _clear(tx, _Asked(dag_id, RunChoice(run_ids=frozenset({run_id})), which_tasks, True, True), by)


class _Asked(NamedTuple):
    """What is to be cleared: see :func:`clear_tasks`."""

    dag_id: str
    which_runs: RunChoice
    which_tasks: TaskChoice
    latest: bool
    reset_runs: bool


def _look(tx: Tx, asked: _Asked) -> tuple[list[Selected], Plan]:
    which_tasks = asked.which_tasks
    selected = select(tx, asked.dag_id, asked.which_runs, latest=asked.latest, anew=True)
    check_tasks(asked.dag_id, selected, which_tasks.named)
    changes: list[Change] = []
    added: list[tuple[str, str]] = []
    for one in selected:
        cleared = plan_clear(one.structure, one.found, which_tasks)
        made = one.added() if cleared else []
        changes += cleared
        if one.moves and cleared:
            chosen = {change.found.uid for change in cleared}
            changes += [move for move in plan_move(one.structure, one.found) if move.found.uid not in chosen]
            added += [(one.run.run_id, task_id) for task_id in made]
    if which_tasks.downstream:
        for one, more in beyond_markers(tx, selected, changes, which_tasks):
            selected.append(one)
            changes += more
    return selected, Plan(ordered(selected, changes), added)


def _clear(tx: Tx, asked: _Asked, by: str) -> Plan:
    selected, plan = _look(tx, asked)
    by_run: dict[str, list[Change]] = {}
    for change in plan.changes:
        by_run.setdefault(change.found.run_uid, []).append(change)
    went: list[Change] = []
    for one in selected:
        if one.run.uid in by_run:
            went += _clear_run(tx, one, by_run[one.run.uid], asked.reset_runs, by)
    done = Plan(went, plan.added)
    choice: dict[str, Any] = {**asdict(asked.which_runs), **asdict(asked.which_tasks), "latest": asked.latest}
    if went:
        audit(tx, "clear_task_instances", done, by=by, dag_id=asked.dag_id, choice=choice)
    return done


def _clear_run(tx: Tx, one: Selected, changes: list[Change], reset: bool, by: str) -> list[Change]:
    retries = {task.task_id: task.retries for task in one.structure.spec.tasks}
    went = force(tx, changes, by=by, retries=retries)
    if one.moves:
        run = runs.get_many(tx, [one.run.uid])[one.run.uid]
        runs.move_to_version(tx, run, one.version_uid, one.structure, {found.task_id for found in one.found})
    unmapped = unmap_changed(tx, one.run.uid, one.structure, went)
    cleared = {change.found.task_id for change in went if change.target is TaskState.NONE}
    resume_run(tx, one.run.uid, cleared | unmapped | set(one.added()), reset=reset)
    return went


def resume_run(tx: Tx, run_uid: str, cleared: set[str], *, reset: bool = True) -> None:
    """Let a run go on whose tasks `cleared` were: one that has ended is queued, one that runs looks at them."""
    run = runs.get_many(tx, [run_uid])[run_uid]
    if run.state in FINISHED_RUN:
        if reset:
            runs.reopen(tx, run_uid)
            set_anew(tx, run_uid)
    elif run.state is RunState.RUNNING:
        if run.reason and cleared:
            runs.explain(tx, run_uid, "")
        consider(tx, run, cleared)
