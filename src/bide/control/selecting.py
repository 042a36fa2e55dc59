"""Reads the runs, graphs and instances that a selection decides on, and says what it came to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from bide.model.errors import NotFound
from bide.model.graph import topological_order
from bide.model.run_state import Structure
from bide.model.selection import Change, Found, RunChoice, RunFacts, choose_runs, in_order
from bide.store import Tx, dags, instances, runs, sessions, specs


class Selected(NamedTuple):
    """One run of a selection, with the version of its DAG that counts."""

    run: RunFacts
    structure: Structure
    version_uid: str
    found: list[Found]

    @property
    def moves(self) -> bool:
        """Whether the run goes over to another version."""
        return self.version_uid != self.run.version_uid

    def added(self) -> list[str]:
        """The tasks that the version has and the run has not."""
        known = {one.task_id for one in self.found}
        return (
            [task.task_id for task in self.structure.spec.tasks if task.task_id not in known] if self.moves else []
        )


class Plan(NamedTuple):
    """What a command changes; with a dry run, what it would."""

    changes: Sequence[Change]
    #: (run id, task id) of instances that are made, since the run moves to a newer version of its DAG.
    added: Sequence[tuple[str, str]] = ()


def select(tx: Tx, dag_id: str, choice: RunChoice, *, latest: bool = False, anew: bool = False) -> list[Selected]:
    """The chosen runs of a DAG with all of their instances, the earliest run first.

    Each has the structure of the version that it pins, or with `latest` the newest. Where tasks are to run `anew`,
    so have those whose own version has no code, since they were taken over from Airflow. Raises :class:`NotFound`.
    """
    dag = dags.find(tx, dag_id)
    if dag is None:
        raise NotFound(f"there is no DAG {dag_id!r}")
    only = None if choice.past or choice.future else choice.run_ids
    known = runs.facts(tx, dag_id, only)
    for run_id in sorted((choice.run_ids or frozenset()) - {run.run_id for run in known}):
        raise NotFound(f"DAG {dag_id!r} has no run {run_id!r}")
    chosen = choose_runs(known, choice)
    by_run: dict[str, list[Found]] = {run.uid: [] for run in chosen}
    for one in instances.of_runs(tx, list(by_run)):
        by_run[one.run_uid].append(one)
    selected: list[Selected] = []
    for run in chosen:
        version = dag.version_uid if latest else run.version_uid
        structure = specs.structure_of(tx, version)
        if anew and not structure.spec.file:
            version, structure = dag.version_uid, specs.structure_of(tx, dag.version_uid)
            if not structure.spec.file:
                raise NotFound(f"no file makes DAG {dag_id!r} here yet: its runs are those of Airflow")
        selected.append(Selected(run, structure, version, by_run[run.uid]))
    return selected


def check_tasks(dag_id: str, selected: Sequence[Selected], named: Iterable[str]) -> None:
    """Raise :class:`NotFound` for a task that was named and that none of the runs has."""
    known = {task_id for one in selected for task_id in one.structure.tasks}
    for task_id in sorted(set(named) - known):
        where = f"run {selected[0].run.run_id!r} of " if len(selected) == 1 else "no chosen run of "
        what = "no task" if len(selected) == 1 else "a task"
        raise NotFound(f"{where}DAG {dag_id!r} has {what} {task_id!r}")


def ordered(selected: Sequence[Selected], changes: Iterable[Change]) -> list[Change]:
    """`changes` by run, and in a run in the order in which its tasks run."""
    order = {
        one.run.uid: topological_order({task.task_id: task.upstream for task in one.structure.spec.tasks})
        for one in selected
    }
    return in_order(changes, [one.run for one in selected], order)


def audit(tx: Tx, event: str, plan: Plan, *, by: str, dag_id: str, choice: Mapping[str, Any]) -> None:
    """Note in the audit log who did this, with what was asked for and how much it changed."""
    run_ids = {one.found.run_id for one in plan.changes}
    task_ids = {one.found.task_id for one in plan.changes}
    extra = {**{name: value for name, value in choice.items() if value}, "changed": len(plan.changes)}
    sessions.audit(
        tx,
        event,
        owner=by,
        dag_id=dag_id,
        run_id=run_ids.pop() if len(run_ids) == 1 else None,
        task_id=task_ids.pop() if len(task_ids) == 1 else None,
        extra=msgspec.json.encode(extra, order="sorted").decode(),
    )
