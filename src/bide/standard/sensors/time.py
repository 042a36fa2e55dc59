"""Waiting for a moment. With ``deferrable=True`` the wait is a row in the database and holds nothing else."""

from __future__ import annotations

import datetime as dt
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Final

from bide.authoring.moments import as_moment, as_span, now
from bide.authoring.operator_checks import name_of
from bide.authoring.sensor import BaseSensorOperator
from bide.authoring.start_trigger import StartTriggerArgs
from bide.authoring.xcom_arg import XComArg
from bide.model.errors import InvalidArgument
from bide.standard.configuration import default_deferrable
from bide.standard.sensors.waiting import time_left
from bide.standard.triggers.temporal import DateTimeTrigger

if TYPE_CHECKING:
    from bide.authoring.context import Context

_MINUTE: Final = dt.timedelta(minutes=1)
#: Values of template fields that are known only when the task runs.
_FOUND_LATER: Final = (str, XComArg)


class MomentSensor(BaseSensorOperator):
    """Waits until the moment that :meth:`moment` names.

    `deferrable` is by default ``[operators] default_deferrable``. With `end_from_trigger` a deferred wait ends the
    task without a worker; with `start_from_trigger` it begins without one. `trigger_kwargs` are then those of its
    :class:`DateTimeTrigger`, if they should be others.
    """

    start_trigger_args = StartTriggerArgs(
        trigger_cls=f"{DateTimeTrigger.__module__}.{DateTimeTrigger.__qualname__}",
        trigger_kwargs={"moment": "{{ task.moment({'ti': ti, 'dag_run': dag_run}).isoformat() }}"},
        next_method="execute_complete",
    )

    def __init__(
        self,
        *,
        deferrable: bool | None = None,
        start_from_trigger: bool = False,
        end_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.start_from_trigger = start_from_trigger
        self.end_from_trigger = end_from_trigger
        start = self.start_trigger_args
        start.timeout = dt.timedelta(seconds=self.timeout)
        start.trigger_kwargs = trigger_kwargs or {**start.trigger_kwargs, "end_from_trigger": end_from_trigger}
        if end_from_trigger:
            start.next_method = None

    @abstractmethod
    def moment(self, context: Context) -> dt.datetime:
        """When the wait is over; with a time zone."""

    def poke(self, context: Context) -> bool:
        moment = self.moment(context)
        self.log.info("waiting until %s", moment.isoformat())
        return now() >= moment

    def execute(self, context: Context) -> Any:
        if not self.deferrable:
            return super().execute(context)
        if not self.poke(context):
            self.defer(
                trigger=DateTimeTrigger(self.moment(context), end_from_trigger=self.end_from_trigger),
                method_name=None if self.end_from_trigger else "execute_complete",
                timeout=time_left(self, context),
            )
        return None

    def execute_complete(self, context: Context, event: Any = None) -> None:
        """The moment has come."""


class DateTimeSensor(MomentSensor):
    """Waits until `target_time`: a datetime, or ISO 8601 text, maybe a template. Without a zone it is UTC."""

    template_fields = ("target_time",)

    def __init__(self, *, target_time: str | dt.datetime, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_time = target_time  # a template, or another task's result, is checked when it is known
        if kwargs.get("trigger_kwargs") is None:
            is_known = isinstance(target_time, dt.datetime)
            self.start_trigger_args.trigger_kwargs["moment"] = self._target() if is_known else target_time

    def moment(self, context: Context) -> dt.datetime:
        return self._target()

    def _target(self) -> dt.datetime:
        found = as_moment(self.target_time, name="target_time", of=name_of(self))
        if found is None:
            raise InvalidArgument(f"{name_of(self)}: target_time is None")
        return found


class TimeDeltaSensor(MomentSensor):
    """Waits until `delta` (a timedelta) after the end of the run's data interval.

    A run without one, as those made by hand may be, counts from the moment after which it was to run. `delta` may
    be a template that comes to what a timedelta prints as: ``1:30:00`` or ``2 days, 1:30:00``.
    """

    template_fields = ("delta",)

    def __init__(self, *, delta: dt.timedelta | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.delta: Any = delta  # a template, or another task's result, is checked when it is known
        if not isinstance(delta, _FOUND_LATER):
            as_span(delta, name="delta", of=name_of(self))

    def moment(self, context: Context) -> dt.datetime:
        run = context["dag_run"]
        base = run.data_interval_end or run.run_after
        if base is None:
            raise InvalidArgument(f"{name_of(self)}: run {run.run_id!r} has no moment to count from")
        return base + as_span(self.delta, name="delta", of=name_of(self))


class WaitSensor(MomentSensor):
    """Waits for `time_to_wait`, a timedelta or a number of minutes, from the first start of the try.

    It may be a template, which comes to minutes or to a span such as ``1:30:00``.
    """

    template_fields = ("time_to_wait",)

    def __init__(self, time_to_wait: dt.timedelta | float | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.time_to_wait: Any = time_to_wait
        if not isinstance(time_to_wait, _FOUND_LATER):
            as_span(time_to_wait, unit=_MINUTE, name="time_to_wait", of=name_of(self))

    def moment(self, context: Context) -> dt.datetime:
        wait = as_span(self.time_to_wait, unit=_MINUTE, name="time_to_wait", of=name_of(self))
        return (context["ti"].start_date or now()) + wait


class TimeSensor(MomentSensor):
    """Waits until the time of day `target_time`, on the day on which the task was started; past means at once.

    A `target_time` without a zone is of the DAG's.
    """

    def __init__(self, *, target_time: dt.time, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(target_time, dt.time):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"{name_of(self)}: target_time must be a datetime.time, not {target_time!r}")
        self.target_time = target_time

    def moment(self, context: Context) -> dt.datetime:
        zone = self.target_time.tzinfo or self.dag.timezone
        started = context["ti"].start_date or now()
        return dt.datetime.combine(started.astimezone(zone).date(), self.target_time, tzinfo=zone)


class DateTimeSensorAsync(DateTimeSensor):
    """A :class:`DateTimeSensor` that is deferrable by default."""

    def __init__(self, *, deferrable: bool = True, **kwargs: Any) -> None:
        super().__init__(deferrable=deferrable, **kwargs)


class TimeDeltaSensorAsync(TimeDeltaSensor):
    """A :class:`TimeDeltaSensor` that is deferrable by default."""

    def __init__(self, *, deferrable: bool = True, **kwargs: Any) -> None:
        super().__init__(deferrable=deferrable, **kwargs)


class TimeSensorAsync(TimeSensor):
    """A :class:`TimeSensor` that is deferrable by default."""

    def __init__(self, *, deferrable: bool = True, **kwargs: Any) -> None:
        super().__init__(deferrable=deferrable, **kwargs)
