"""Mark task instances as success, failed or skipped, whatever they do or have done."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from bide.control.clear_tasks import resume_run
from bide.control.end_runs import verdicts_on
from bide.control.force_states import force
from bide.control.selecting import Plan, Selected, audit, check_tasks, ordered, select
from bide.model.errors import InvalidArgument
from bide.model.selection import Change, RunChoice, TaskChoice, plan_mark
from bide.model.states import FINISHED_RUN, TaskState
from bide.store import Store, Tx, runs

#: What a person may say of an instance.
MARKS: Final = (TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED)


async def mark_tasks(
    store: Store,
    dag_id: str,
    *,
    which_runs: RunChoice,
    which_tasks: TaskChoice,
    state: TaskState,
    dry_run: bool = False,
    by: str,
) -> Plan:
    """Mark the chosen instances as `state`; the answer has them, or with `dry_run` those that it would be.

    After success and skipped the run goes on: what has failed downstream is cleared. A run that has ended and in
    which nothing is cleared ends as its tasks now say. Raises :class:`NotFound`.
    """
    if state not in MARKS:
        raise InvalidArgument(f"a task can be marked as {', '.join(MARKS)}, not as {state}")

    def look(tx: Tx) -> tuple[list[Selected], Plan]:
        selected = select(tx, dag_id, which_runs)
        check_tasks(dag_id, selected, which_tasks.named)
        changes = [change for one in selected for change in plan_mark(one.structure, one.found, which_tasks, state)]
        return selected, Plan(ordered(selected, changes))

    def work(tx: Tx) -> Plan:
        selected, plan = look(tx)
        by_run: dict[str, list[Change]] = {}
        for change in plan.changes:
            by_run.setdefault(change.found.run_uid, []).append(change)
        went: list[Change] = []
        for one in selected:
            if one.run.uid in by_run:
                went += _mark_run(tx, one, by_run[one.run.uid], state, by)
        done = Plan(went)
        if went:
            asked = {**asdict(which_runs), **asdict(which_tasks), "state": state.value}
            audit(tx, "mark_task_instances", done, by=by, dag_id=dag_id, choice=asked)
        return done

    if dry_run:
        return (await store.read(look))[1]
    return await store.write(work)


def _mark_run(tx: Tx, one: Selected, changes: list[Change], state: TaskState, by: str) -> list[Change]:
    retries = {task.task_id: task.retries for task in one.structure.spec.tasks}
    went = force(tx, changes, by=by, error=f"marked as {state} by {by}", retries=retries)
    cleared = {change.found.task_id for change in went if change.target is TaskState.NONE}
    if cleared:
        resume_run(tx, one.run.uid, cleared)
        return went
    run = runs.get_many(tx, [one.run.uid])[one.run.uid]
    if run.state in FINISHED_RUN and run.unfinished == 0:
        runs.correct(tx, run.uid, verdicts_on(tx, [run])[run.uid])
    return went
