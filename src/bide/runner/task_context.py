"""What a task knows of itself and of its run, made of what the engine has sent."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from bide.authoring.context import Context, DagRun, TaskInstance, build_context
from bide.authoring.expansion import Extent
from bide.authoring.loading import LoadedFile
from bide.authoring.mapping import MappedOperator
from bide.authoring.moments import pendulum_moment
from bide.authoring.operator import BaseOperator
from bide.model.errors import AuthoringError, NotFound
from bide.runner.runtimes import decode_conf
from bide.wire.messages import MappedOver, RunInfo, RunTask


class DagFileBroken(AuthoringError):
    """The task's DAG file can't be imported any more."""


def find_task(loaded: LoadedFile, order: RunTask) -> BaseOperator:
    """A copy, for this run alone, of the task that `order` is about."""
    dag_id, task_id = order.instance.dag_id, order.instance.task_id
    dag = loaded.dags.get(dag_id)
    if dag is None:
        raise _missing_dag(loaded, dag_id)
    if not dag.has_task(task_id):
        raise NotFound(f"task {task_id!r} is gone from DAG {dag_id!r}: {loaded.path} does not make it any more")
    return dag.get_task(task_id).prepare_for_execution()


def of_instance(task: BaseOperator, context: Context) -> BaseOperator:
    """The operator of the instance of `context`: of a mapped task made of what this one gets."""
    if not isinstance(task, MappedOperator):
        return task
    made = task.unmap(context)
    context["task"] = made
    context["ti"].task = made
    return made


def context_of(task: BaseOperator, order: RunTask) -> Context:
    """The context of `task` in the run that `order` is about."""
    dag_run = _dag_run(order.run)
    instance = TaskInstance(
        task=task,
        dag_run=dag_run,
        map_index=order.instance.map_index,
        try_number=order.try_number,
        max_tries=order.max_tries,
        start_date=datetime.fromtimestamp(order.started_at, UTC),
        id=order.instance.id,
        extent=None if order.mapped_over is None else _extent(order.mapped_over),
    )
    return build_context(task=task, dag=task.dag, dag_run=dag_run, task_instance=instance)


def _extent(over: MappedOver) -> Extent:
    return Extent(over.lengths, over.instances, over.stamps)


def _missing_dag(loaded: LoadedFile, dag_id: str) -> Exception:
    for problem in loaded.errors:
        if problem.dag_id in (None, dag_id):
            return DagFileBroken("\n".join(text for text in (problem.message, problem.traceback) if text))
    made = ", ".join(loaded.dags) or "none"
    return NotFound(f"DAG {dag_id!r} is gone: {loaded.path} does not make it any more (it makes: {made})")


def _dag_run(info: RunInfo) -> DagRun:
    return DagRun(
        dag_id=info.dag_id,
        run_id=info.run_id,
        run_type=info.run_type,
        conf=decode_conf(info.conf),
        logical_date=_moment(info.logical_date),
        data_interval_start=_moment(info.data_interval_start),
        data_interval_end=_moment(info.data_interval_end),
        run_after=_moment(info.run_after),
        start_date=_moment(info.start_date),
    )


@lru_cache(maxsize=64)
def _moment(text: str | None) -> datetime | None:
    """The moment as contexts hold it; a run's tasks share it, since it can't be changed."""
    return None if text is None else pendulum_moment(datetime.fromisoformat(text))
