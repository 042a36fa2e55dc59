"""Reading schedules that are given as text: presets and cron expressions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from cronsim import CronSimError

from bide.model.cron import ticks_after, zone_of
from bide.model.cron_text import read_cron
from bide.model.errors import InvalidSchedule
from bide.model.schedule_spec import ScheduleSpec

PRESETS: Final[dict[str, str]] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
#: From here on the first tick of an expression is looked for, to see that there is one.
_SOME_DAY: Final = datetime(2024, 1, 1, tzinfo=UTC)


def parse_schedule(text: str | None, timezone: str = "UTC", *, intervals: bool = True) -> ScheduleSpec:
    """Read None, a preset or a cron expression. Raises :class:`InvalidSchedule` with the text and the reason.

    `intervals`: a run is made for each span between two ticks, when it is over; else at each tick.
    """
    if text is None or text in ("@none", "None"):
        return ScheduleSpec(text="" if text is None else text)
    if text == "@once":
        return ScheduleSpec(kind="once", text=text)
    if text == "@continuous":
        return ScheduleSpec(kind="continuous", text=text)
    expression = cron_expression(text, timezone)
    return ScheduleSpec(kind="cron", expressions=(expression,), timezone=timezone, text=text, intervals=intervals)


def cron_expression(text: str, timezone: str) -> str:
    """The cron expression that `text` is or, a preset, stands for; refused if it never comes due."""
    expression = PRESETS.get(text, text)
    if expression.startswith("@"):
        known = ", ".join(["@once", "@continuous", *PRESETS])
        raise InvalidSchedule(f"{text!r} is no schedule: the presets are {known}; otherwise five cron fields")
    try:
        zone = zone_of(timezone)
    except InvalidSchedule as error:
        raise InvalidSchedule(f"{error} for schedule {text!r}") from error
    try:
        read_cron(expression)
        first = next(ticks_after(expression, zone, _SOME_DAY), None)
    except CronSimError as error:
        raise InvalidSchedule(f"{text!r} is no cron expression: {error} (minute hour day month weekday)") from error
    except ValueError as error:
        raise InvalidSchedule(f"{text!r} is no cron expression: {error}") from error
    if first is None:
        raise InvalidSchedule(f"{text!r} never comes due")
    return expression
