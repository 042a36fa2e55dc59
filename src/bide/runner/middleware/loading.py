"""The task's code, from its DAG file."""

from __future__ import annotations

from typing import Any

from bide.authoring.loading import LoadedFile
from bide.model.errors import AuthoringError, NotFound
from bide.runner.task_run import Proceed, TaskRun


class DagFileBroken(AuthoringError):
    """The task's DAG file can't be imported any more."""


def load_task(run: TaskRun, proceed: Proceed) -> Any:
    """Find the task in its DAG file and make a copy of it for this run."""
    loaded = run.host.load(run.order)
    dag_id, task_id = run.order.instance.dag_id, run.order.instance.task_id
    dag = loaded.dags.get(dag_id)
    if dag is None:
        raise _missing_dag(loaded, dag_id)
    if not dag.has_task(task_id):
        raise NotFound(f"task {task_id!r} is gone from DAG {dag_id!r}: {loaded.path} does not make it any more")
    run.task = dag.get_task(task_id).prepare_for_execution()
    return proceed()


def _missing_dag(loaded: LoadedFile, dag_id: str) -> Exception:
    for problem in loaded.errors:
        if problem.dag_id in (None, dag_id):
            return DagFileBroken("\n".join(text for text in (problem.message, problem.traceback) if text))
    made = ", ".join(loaded.dags) or "none"
    return NotFound(f"DAG {dag_id!r} is gone: {loaded.path} does not make it any more (it makes: {made})")
