"""What the task knows of itself and of its run."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from bide.authoring.context import DagRun, TaskInstance, build_context, use_context
from bide.authoring.moments import pendulum_moment
from bide.authoring.runtime import use_runtime
from bide.runner.runtimes import TaskRuntime, decode_conf
from bide.runner.task_run import Proceed, TaskRun
from bide.wire.messages import RunInfo


def with_context(run: TaskRun, proceed: Proceed) -> Any:
    """Build the context, and make it and the runtime what code inside finds, in all threads."""
    order, task = run.order, run.loaded_task
    dag_run = _dag_run(order.run)
    instance = TaskInstance(
        task=task,
        dag_run=dag_run,
        map_index=order.instance.map_index,
        try_number=order.try_number,
        max_tries=order.max_tries,
        start_date=datetime.fromtimestamp(order.started_at, UTC),
        id=order.instance.id,
    )
    with use_runtime(TaskRuntime(run.clock, order, run.link), in_all_threads=True):
        run.context = build_context(task=task, dag=task.dag, dag_run=dag_run, task_instance=instance)
        with use_context(run.context):
            return proceed()


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
