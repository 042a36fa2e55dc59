"""Waiting for a moment: a row that the scheduler fires, and nothing else."""

from __future__ import annotations

import datetime as dt
from typing import Any

from bide.authoring.moments import as_moment, now
from bide.authoring.trigger import TaskSuccessEvent, TimerTrigger, TriggerEvent
from bide.model.errors import InvalidArgument


class DateTimeTrigger(TimerTrigger):
    """Fires at `moment` with it as payload, or ends the task as successful with `end_from_trigger`.

    `moment` is a datetime with a time zone, or ISO 8601 text; `target_time` is another name for it.
    """

    def __init__(
        self,
        moment: dt.datetime | str | None = None,
        *,
        target_time: dt.datetime | str | None = None,
        end_from_trigger: bool = False,
    ) -> None:
        super().__init__()
        given = moment if target_time is None else target_time
        if isinstance(given, dt.datetime) and given.tzinfo is None:
            raise InvalidArgument(
                f"{type(self).__name__}: moment={given!r} has no time zone; write tzinfo=datetime.UTC or the like"
            )
        found = as_moment(given, name="moment", of=type(self).__name__)
        if found is None or (moment is not None and target_time is not None):
            raise InvalidArgument(f"{type(self).__name__}: give it one moment, as moment= or target_time=")
        self.moment = found
        self.end_from_trigger = end_from_trigger

    @property
    def due_at(self) -> dt.datetime:
        return self.moment

    def event(self) -> TriggerEvent:
        return TaskSuccessEvent() if self.end_from_trigger else TriggerEvent(self.moment)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{DateTimeTrigger.__module__}.{DateTimeTrigger.__qualname__}"
        return path, {"moment": self.moment, "end_from_trigger": self.end_from_trigger}


class TimeDeltaTrigger(DateTimeTrigger):
    """Fires a span of time after it was made: it turns into a :class:`DateTimeTrigger` for that moment.

    The span is a timedelta, given as `delta` or `moment`, or in units as of :class:`datetime.timedelta`:
    ``TimeDeltaTrigger(hours=1, minutes=30)``.
    """

    def __init__(
        self,
        delta: dt.timedelta | None = None,
        *,
        moment: dt.timedelta | None = None,
        end_from_trigger: bool = False,
        **units: float,
    ) -> None:
        given = [span for span in (delta, moment, _span(units)) if span is not None]
        if len(given) != 1:
            raise InvalidArgument("TimeDeltaTrigger: give it one span: a timedelta, or units such as hours=2")
        if not isinstance(given[0], dt.timedelta):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"TimeDeltaTrigger: the span must be a timedelta, not {given[0]!r}")
        super().__init__(now() + given[0], end_from_trigger=end_from_trigger)


def _span(units: dict[str, float]) -> dt.timedelta | None:
    try:
        return dt.timedelta(**units) if units else None
    except TypeError as error:
        raise InvalidArgument(f"TimeDeltaTrigger: {error}") from None
