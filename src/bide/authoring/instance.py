"""A run and a task in it, as the code of a task sees them."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from bide.authoring.moments import pendulum_moment
from bide.authoring.older_names import warn_of_older
from bide.authoring.run_questions import InstanceQuestions, RunQuestions
from bide.authoring.runtime import current_runtime
from bide.authoring.settings import find_setting
from bide.authoring.templates import format_ds_nodash
from bide.authoring.xcom_arg import RETURN_VALUE
from bide.authoring.xcom_lookup import pull
from bide.model.ids import NOT_MAPPED
from bide.model.run_types import RunType

if TYPE_CHECKING:
    import pendulum

    from bide.authoring.dag import DAG
    from bide.authoring.expansion import Extent
    from bide.authoring.operator import BaseOperator


#: Where the API is if nothing else is said.
_LOCAL: Final = "http://localhost:8080"


class DagRun(RunQuestions):
    """The run that a task belongs to. Moments are pendulum ``DateTime`` in UTC, or None."""

    def __init__(
        self,
        *,
        dag_id: str,
        run_id: str,
        run_type: str = "manual",
        conf: Mapping[str, Any] | None = None,
        logical_date: dt.datetime | None = None,
        data_interval_start: dt.datetime | None = None,
        data_interval_end: dt.datetime | None = None,
        run_after: dt.datetime | None = None,
        start_date: dt.datetime | None = None,
    ) -> None:
        self.dag_id = dag_id
        self.run_id = run_id
        self.run_type = run_type
        self.conf: dict[str, Any] = dict(conf or {})
        self.logical_date = pendulum_moment(logical_date)
        self.data_interval_start = pendulum_moment(data_interval_start)
        self.data_interval_end = pendulum_moment(data_interval_end)
        self.run_after = pendulum_moment(run_after)
        self.start_date = pendulum_moment(start_date)
        self.end_date: pendulum.DateTime | None = None
        self.state = "running"
        self.dag: DAG | None = None

    @property
    def execution_date(self) -> pendulum.DateTime | None:
        """Another name of :attr:`logical_date`."""
        warn_of_older("execution_date is an older name: write logical_date")
        return self.logical_date

    @property
    def external_trigger(self) -> bool:
        """Whether somebody asked for the run, rather than its schedule."""
        return self.run_type in (RunType.MANUAL, RunType.OPERATOR_TRIGGERED)

    def __repr__(self) -> str:
        return f"<DagRun {self.dag_id} {self.run_id}>"


class TaskInstance(InstanceQuestions):
    """One task in one run: ``context["ti"]``."""

    def __init__(
        self,
        *,
        task: BaseOperator,
        dag_run: DagRun,
        map_index: int = NOT_MAPPED,
        try_number: int = 1,
        max_tries: int = 0,
        start_date: dt.datetime | None = None,
        id: str = "",
        extent: Extent | None = None,
    ) -> None:
        self.task = task
        self.dag_run = dag_run
        self.map_index = map_index
        #: The current try, from 1.
        self.try_number = try_number
        #: How many tries may follow the first one.
        self.max_tries = max_tries
        #: The first start of this try, before any deferral or rescheduling.
        self.start_date = pendulum_moment(start_date)
        self.end_date: pendulum.DateTime | None = None
        self.id = id
        #: What it was expanded over, if it has a map index.
        self.extent = extent
        self.state = "running"

    @property
    def dag_id(self) -> str:
        """Id of the DAG."""
        return self.dag_run.dag_id

    @property
    def task_id(self) -> str:
        """Id of the task."""
        return self.task.task_id

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return self.dag_run.run_id

    @property
    def logical_date(self) -> pendulum.DateTime | None:
        """Logical date of the run."""
        return self.dag_run.logical_date

    @property
    def execution_date(self) -> pendulum.DateTime | None:
        """Another name of :attr:`logical_date`."""
        warn_of_older("execution_date is an older name: write logical_date")
        return self.dag_run.logical_date

    @property
    def operator(self) -> str:
        """Name of the operator's class."""
        return self.task.task_type

    @property
    def queue(self) -> str:
        """The task's queue."""
        return self.task.queue

    @property
    def pool(self) -> str:
        """The task's pool."""
        return self.task.pool

    @property
    def pool_slots(self) -> int:
        """How many slots of the pool it takes."""
        return self.task.pool_slots

    @property
    def priority_weight(self) -> int:
        """The task's own priority."""
        return self.task.priority_weight

    @property
    def task_display_name(self) -> str:
        """What people call the task."""
        return self.task.task_display_name

    @property
    def operator_name(self) -> str:
        """What people call its kind of operator."""
        return self.task.operator_name

    @property
    def task_instance_key_str(self) -> str:
        """``dag__task__YYYYMMDD``, or with the run's id where there is no logical date."""
        stamp = format_ds_nodash(self.logical_date) or self.run_id
        return f"{self.dag_id}__{self.task_id}__{stamp}"

    @property
    def log(self) -> logging.Logger:
        """A logger whose lines go to the task's log."""
        return self.task.log

    @property
    def duration(self) -> float | None:
        """Seconds from the start of this try to its end, which callbacks know."""
        if self.start_date is None or self.end_date is None:
            return None
        return (self.end_date - self.start_date).total_seconds()

    @property
    def log_url(self) -> str:
        """Where the API has the log of this try; whoever asks has to log in."""
        base = find_setting("api", "base_url") or _LOCAL
        place = f"dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances/{self.task_id}/logs/{self.try_number}"
        mapped = f"?map_index={self.map_index}" if self.map_index >= 0 else ""
        return f"{base.rstrip('/')}/api/v2/{quote(place)}{mapped}"

    @property
    def mark_success_url(self) -> str:
        """Airflow's name for :attr:`log_url`."""
        return self.log_url

    @property
    def hostname(self) -> str:
        """Where this code runs."""
        return os.uname().nodename

    @property
    def pid(self) -> int:
        """The process in which this code runs."""
        return os.getpid()

    @property
    def unixname(self) -> str:
        """Who runs it, for the operating system."""
        import getpass

        return getpass.getuser()

    @property
    def is_eligible_to_retry(self) -> bool:
        """Whether a failure of this try leaves another one."""
        return self.try_number <= self.max_tries

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        """DAG, task, run, try and map index: what names this try among all."""
        return (self.dag_id, self.task_id, self.run_id, self.try_number, self.map_index)

    @property
    def executor_config(self) -> dict[str, Any]:
        """The task's ``executor_config``."""
        return self.task.executor_config

    def get_dagrun(self, session: Any = None) -> DagRun:
        """The run."""
        return self.dag_run

    def get_previous_dagrun(self, state: str | None = None, session: Any = None) -> DagRun | None:
        """The run of this DAG with the next earlier logical date, of those in `state`; None if there is none."""
        found = current_runtime().earlier_run(None if state is None else str(getattr(state, "value", state)))
        return None if found is None else import_module("bide.authoring.seen_runs").as_run(found, self.dag_run.dag)

    def xcom_push(self, key: str, value: Any) -> None:
        """Store `value` under `key` for other tasks; durable on return.

        Raises :class:`~bide.model.errors.NotSerializable` naming the part that can't be stored.
        """
        current_runtime().push_xcom(key, value)

    def xcom_pull(
        self,
        task_ids: str | Sequence[str] | None = None,
        dag_id: str | None = None,
        key: str | None = RETURN_VALUE,
        include_prior_dates: bool = False,
        *,
        map_indexes: int | Sequence[int] | None = None,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """What tasks have stored under `key`, in this run unless `dag_id`, `run_id` say otherwise.

        One task id gives one value (a list where that task is mapped and `map_indexes` is no single number);
        several give a list in their order. None asks this task itself, then the tasks before it, the nearest
        first. None for `key` is the newest value of a task, under whatever key. What is not there is `default`.
        """
        single = task_ids is None or isinstance(task_ids, str)
        asked = (
            self._own_and_upstream()
            if task_ids is None
            else [task_ids]
            if isinstance(task_ids, str)
            else [*task_ids]
        )
        return pull(
            asked,
            key,
            single=single,
            dag_id=dag_id,
            run_id=run_id,
            map_indexes=map_indexes,
            include_prior_dates=include_prior_dates,
            default=default,
        )

    def _own_and_upstream(self) -> list[str]:
        """This task's id, then those of the tasks before it, nearest first."""
        order = [self.task_id]
        if self.task.has_dag():
            layer = order
            while layer:
                before = {up for task_id in layer for up in self.task.dag.get_task(task_id).upstream_task_ids}
                layer = sorted(before - set(order))
                order = [*order, *layer]
        return order

    def __repr__(self) -> str:
        return f"<TaskInstance {self.dag_id}.{self.task_id} {self.run_id}>"
