"""Runs and task instances that were asked for, as objects of the kinds that the context has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn, cast

from bide.authoring.instance import DagRun, TaskInstance
from bide.authoring.moments import pendulum_moment
from bide.authoring.runtime import (
    InstanceRecord,
    InstancesAsked,
    NoRuntime,
    RunRecord,
    RunsAsked,
    current_runtime,
)

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.operator import BaseOperator

#: What the store calls the state of which DAG files say that there is none.
_NO_STATE = "none"


def as_run(found: RunRecord, dag: DAG | None = None) -> DagRun:
    """A run as the context has its own, with its state and end."""
    run = DagRun(
        dag_id=found.dag_id,
        run_id=found.run_id,
        run_type=found.run_type,
        conf=found.conf,
        logical_date=found.logical_date,
        data_interval_start=found.data_interval_start,
        data_interval_end=found.data_interval_end,
        run_after=found.run_after,
        start_date=found.start_date,
    )
    run.state, run.end_date, run.dag = found.state, pendulum_moment(found.end_date), dag
    return run


class SeenTaskInstance(TaskInstance):
    """A task instance as it was when somebody asked; nothing of it can be changed."""

    def __init__(self, found: InstanceRecord, dag_run: DagRun) -> None:
        dag = dag_run.dag
        task = dag.task_dict.get(found.task_id) if dag is not None else None
        super().__init__(
            # None if this process does not know the DAG.
            task=cast("BaseOperator", task),
            dag_run=dag_run,
            map_index=found.map_index,
            try_number=found.try_number,
            max_tries=found.max_tries,
            start_date=found.start_date,
        )
        self._found = found
        self.end_date = pendulum_moment(found.end_date)
        self.queued_dttm = pendulum_moment(found.queued_at)
        self.state: Any = state_of(found)  # None if it has none yet

    @property
    def task_id(self) -> str:
        """Id of the task."""
        return self._found.task_id

    @property
    def operator(self) -> str:
        """Name of the operator's class."""
        return self._found.operator

    @property
    def queue(self) -> str:
        """The queue that it went to, or will."""
        return self._found.queue

    @property
    def pool(self) -> str:
        """Its pool."""
        return self._found.pool

    @property
    def pool_slots(self) -> int:
        """How many slots of the pool it takes."""
        return self._found.pool_slots

    @property
    def priority_weight(self) -> int:
        """Its priority, with what the weight rule adds."""
        return self._found.priority_weight

    def xcom_pull(self, task_ids: Any = None, dag_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """As for the running task; without more said, what this one has left in its run."""
        kwargs.setdefault("run_id", self.run_id)
        return super().xcom_pull(
            self.task_id if task_ids is None else task_ids, dag_id or self.dag_id, *args, **kwargs
        )

    def xcom_push(self, key: str, value: Any) -> NoReturn:
        """Refused: a task leaves XComs for itself alone."""
        raise NoRuntime(
            f"XCom {key!r} can't be pushed for task {self.task_id!r} of run {self.run_id!r}: "
            "a task leaves XComs for itself alone"
        )


def state_of(found: InstanceRecord) -> str | None:
    """Its state; None if it has none yet."""
    return None if found.state == _NO_STATE else found.state


def state_names(given: Any) -> tuple[str, ...]:
    """States as the store calls them, of one state, several, or none said."""
    if given is None:
        return ()
    several = [given] if isinstance(given, str) else list(cast("Iterable[Any]", given))
    return tuple(_NO_STATE if one is None else str(getattr(one, "value", one)) for one in several)


def find_runs(asked: RunsAsked, dag: DAG | None = None) -> list[DagRun]:
    """The runs that fit, the newest first; `dag` if it is theirs."""
    return [as_run(one, dag) for one in current_runtime().find_runs(asked)]


def run_before(of: DagRun, state: Any = None, run_types: Iterable[str] = ()) -> DagRun | None:
    """The run of the same DAG with the next earlier logical date, of those in `state`; None if there is none."""
    asked = before(of.dag_id, of.logical_date)
    if asked is None:
        return None
    asked = asked._replace(states=state_names(state), run_types=tuple(run_types), limit=1)
    return next(iter(find_runs(asked, of.dag)), None)


def before(dag_id: str, moment: dt.datetime | None) -> RunsAsked | None:
    """Runs of earlier logical dates; None without a date."""
    if moment is None:
        return None
    at = dt.datetime.fromtimestamp(moment.timestamp(), dt.UTC)
    return RunsAsked(dag_id, last=at - dt.timedelta(microseconds=1))


def instances_of_run(run: DagRun, asked: InstancesAsked) -> list[SeenTaskInstance]:
    """The task instances of `run` that fit."""
    found = current_runtime().find_instances(RunsAsked(run.dag_id, run_ids=(run.run_id,)), asked)
    return [SeenTaskInstance(one, run) for one in found]


def instance_before(of: TaskInstance, state: Any, moment: Any, map_index: int | None) -> SeenTaskInstance | None:
    """The same task in the run with the next earlier logical date in which it is in `state`."""
    asked = before(of.dag_id, moment or of.logical_date)
    if asked is None:
        return None
    wanted = InstancesAsked(
        task_ids=(of.task_id,),
        map_index=of.map_index if map_index is None else map_index,
        states=state_names(state),
    )
    found = next(iter(current_runtime().find_instances(asked, wanted)), None)
    if found is None:
        return None
    run = next(iter(find_runs(RunsAsked(of.dag_id, run_ids=(found.run_id,)), of.dag_run.dag)), None)
    return None if run is None else SeenTaskInstance(found, run)
