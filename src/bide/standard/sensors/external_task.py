"""Waiting for tasks and runs of other DAGs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from bide.authoring.calling import accepted_arguments
from bide.authoring.deferral import TaskRescheduled
from bide.authoring.moments import as_moment, now
from bide.authoring.operator_checks import check_choice, name_of
from bide.authoring.other_runs import WatchTrigger
from bide.authoring.runtime import current_runtime
from bide.authoring.sensor import BaseSensorOperator
from bide.model.dag_spec import SAME_DATE, MarkerSpec
from bide.model.errors import InvalidArgument, TaskError, TaskSkipped
from bide.model.states import RunState, TaskState
from bide.model.watching import Watch, is_final
from bide.standard.configuration import default_deferrable
from bide.standard.external_errors import (
    ExternalDagFailed,
    ExternalDagMissing,
    ExternalGroupFailed,
    ExternalGroupMissing,
    ExternalTaskFailed,
    ExternalTaskMissing,
)
from bide.standard.operators.empty import EmptyOperator
from bide.standard.sensors.waiting import time_left

#: Key of the XCom in which a marker leaves what its templates came to; read by the engine.
RENDERED: Final = "external_task"

_FAILED: Final = (ExternalTaskFailed, ExternalGroupFailed, ExternalDagFailed)
_MISSING: Final = (ExternalTaskMissing, ExternalGroupMissing, ExternalDagMissing)

if TYPE_CHECKING:
    from bide.authoring.context import Context


class ExternalTaskSensor(BaseSensorOperator):
    """Waits for tasks, a task group or a whole run of the DAG `external_dag_id` at the same logical date.

    The date is `execution_delta` earlier, or what `execution_date_fn` says: a date or several, from the logical
    date and what it names of the context. It is over when all are in one of `allowed_states` (by default
    success); one in `failed_states` fails the sensor, one in `skipped_states` skips it. `check_existence` fails it
    at once if the DAG, a task or the group does not exist.

    With `deferrable` (by default ``[operators] default_deferrable``) nothing looks meanwhile: the engine lets the
    task go on when the other run has come so far.
    """

    template_fields = ("external_dag_id", "external_task_id", "external_task_ids", "external_task_group_id")
    ui_color = "#4db7db"

    def __init__(
        self,
        *,
        external_dag_id: str,
        external_task_id: str | None = None,
        external_task_ids: Collection[str] | None = None,
        external_task_group_id: str | None = None,
        allowed_states: Iterable[str] | None = None,
        skipped_states: Iterable[str] | None = None,
        failed_states: Iterable[str] | None = None,
        execution_delta: dt.timedelta | None = None,
        execution_date_fn: Callable[..., Any] | None = None,
        check_existence: bool = False,
        poll_interval: float | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        of = name_of(self)
        named = [external_task_id, external_task_ids, external_task_group_id]
        if sum(value is not None for value in named) > 1:
            raise InvalidArgument(
                f"{of}: give one of external_task_id, external_task_ids and external_task_group_id, not several"
            )
        if execution_delta is not None and execution_date_fn is not None:
            raise InvalidArgument(f"{of}: give one of execution_delta and execution_date_fn, not both")
        self.external_dag_id = external_dag_id
        self.external_task_id = external_task_id
        self.external_task_ids: Any = external_task_ids
        self.external_task_group_id = external_task_group_id
        known = TaskState if any(value is not None for value in named) else RunState
        self.allowed_states = _states("allowed_states", ("success",) if allowed_states is None else allowed_states)
        self.skipped_states = _states("skipped_states", skipped_states or ())
        self.failed_states = _states("failed_states", failed_states or ())
        states = [*self.allowed_states, *self.skipped_states, *self.failed_states]
        for state in states:
            check_choice(state, [one.value for one in known], "state", of)
        if len(set(states)) < len(states):
            raise InvalidArgument(
                f"{of}: a state can be in one of allowed_states, skipped_states and failed_states only: "
                f"{', '.join(states)}"
            )
        self.execution_delta = execution_delta
        self.execution_date_fn = execution_date_fn
        self.check_existence = check_existence
        if poll_interval is not None and "poke_interval" not in kwargs:
            self.poke_interval = float(poll_interval)
        self.deferrable = default_deferrable() if deferrable is None else deferrable

    def poke(self, context: Context) -> bool:
        watch = self.watch(context)
        verdict, missing = current_runtime().look_at(watch, check_existence=self.check_existence)
        if missing:
            kind = ExternalDagMissing if missing.startswith("there is no DAG") else self._kind(*_MISSING)
            raise kind(f"{missing}, which this sensor waits for (check_existence)")
        self.log.info("looking: %s", verdict.seen)
        self._judge({"status": verdict.status, "seen": verdict.seen})
        return verdict.status == "success"

    def execute(self, context: Context) -> Any:
        if not self.deferrable:
            return super().execute(context)
        if self.poke(context):
            return None
        watch = self.watch(context)
        wanted = {*watch.allowed, *watch.failed, *watch.skipped}
        if all(is_final(state, of_tasks=watch.of_tasks) for state in wanted):
            trigger = WatchTrigger.of(watch)
            self.defer(trigger, method_name="execute_complete", timeout=time_left(self, context))
        # Nobody says when something begins to run: it is looked for again, without holding a slot.
        left = time_left(self, context).total_seconds()
        if left <= 0:
            self._give_up(self.timeout)
        raise TaskRescheduled(now() + dt.timedelta(seconds=min(self.poke_interval, left)))

    def execute_complete(self, context: Context, event: Any = None) -> None:
        """The engine says that what was waited for is decided."""
        self._judge(event)

    def watch(self, context: Context) -> Watch:
        """What this sensor waits for, in the run of `context`."""
        ids = [self.external_task_id] if self.external_task_id else list(self.external_task_ids or ())
        if len(set(ids)) < len(ids):
            raise InvalidArgument(f"task {self.task_id!r}: external_task_ids has an id twice: {', '.join(ids)}")
        return Watch(
            dag_id=self.external_dag_id,
            logical_dates=tuple(date.astimezone(dt.UTC).isoformat() for date in self.logical_dates(context)),
            task_ids=tuple(ids),
            group_id=self.external_task_group_id,
            allowed=self.allowed_states,
            failed=self.failed_states,
            skipped=self.skipped_states,
            ends=type(self).execute_complete is ExternalTaskSensor.execute_complete,
        )

    def logical_dates(self, context: Context) -> list[dt.datetime]:
        """The logical dates of the runs that are waited for."""
        run = context["dag_run"]
        own = run.logical_date or run.run_after
        if self.execution_date_fn is not None:
            kwargs = accepted_arguments(self.execution_date_fn, [own], context, {})
            found = self.execution_date_fn(own, **kwargs)
            dates = list(cast("Iterable[Any]", found)) if isinstance(found, list | tuple | set) else [found]
        else:
            dates = [own if self.execution_delta is None else own - self.execution_delta]
        moments = [as_moment(date, name="execution_date_fn", of=f"task {self.task_id!r}") for date in dates]
        return [moment for moment in moments if moment is not None]

    def _judge(self, event: Any) -> None:
        told = cast("dict[str, Any]", event) if isinstance(event, dict) else {}
        status, seen = told.get("status", "success"), told.get("seen", "it was let go by hand")
        if status == "skipped" or (status == "failed" and self.soft_fail):
            raise TaskSkipped(f"DAG {self.external_dag_id!r}: {seen}")
        if status == "failed":
            raise self._kind(*_FAILED)(f"DAG {self.external_dag_id!r}: {seen}")

    def _kind(self, task: type[TaskError], group: type[TaskError], dag: type[TaskError]) -> type[TaskError]:
        """The error of those that fits what this sensor waits for."""
        if self.external_task_group_id:
            return group
        return task if self.external_task_id or self.external_task_ids else dag


def _states(name: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise InvalidArgument(f"{name} must be a list of states, not the string {values!r}; write [{values!r}]")
    return tuple(str(getattr(value, "value", value)) for value in values)


class ExternalTaskMarker(EmptyOperator):
    """Says that `external_task_id` of the DAG `external_dag_id` comes after this task.

    When it is cleared together with what is downstream, that task and all after it are cleared as well, in the run
    of `logical_date` (by default the same), and so on through at most `recursion_depth` markers.
    """

    template_fields = ("external_dag_id", "external_task_id", "logical_date")
    ui_color = "#4db7db"

    def __init__(
        self,
        *,
        external_dag_id: str,
        external_task_id: str,
        logical_date: str | dt.datetime | None = SAME_DATE,
        execution_date: str | dt.datetime | None = None,
        recursion_depth: int = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        given = execution_date if execution_date is not None else logical_date
        if not isinstance(given, str | dt.datetime):
            raise InvalidArgument(f"{name_of(self)}: logical_date must be text or a datetime, not {given!r}")
        if recursion_depth <= 0:
            raise InvalidArgument(f"{name_of(self)}: recursion_depth must be 1 or more, not {recursion_depth}")
        self.external_dag_id = external_dag_id
        self.external_task_id = external_task_id
        moment = as_moment(given, name="logical_date", of=name_of(self)) if isinstance(given, dt.datetime) else None
        self.logical_date = str(given) if moment is None else moment.isoformat()
        self.recursion_depth = recursion_depth

    def external_marker(self) -> MarkerSpec:
        return MarkerSpec(
            self.external_dag_id, self.external_task_id, self.logical_date, recursion_depth=self.recursion_depth
        )

    def execute(self, context: Context) -> None:
        """Leave what the templates came to, for those who clear this task later."""
        target = [self.external_dag_id, self.external_task_id, self.logical_date]
        context["ti"].xcom_push(RENDERED, target)
