"""The stored form of a schedule: what an author gave, in JSON's types. Moments are ISO 8601 strings in UTC."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from bide.model.assets import AssetCondition, Policy


class SpanSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ``timedelta``, or a ``relativedelta`` with its calendar parts."""

    #: Days and smaller.
    microseconds: int = 0
    #: Months and years.
    months: int = 0
    leapdays: int = 0
    #: Parts that are set rather than added: year, month, day, hour, minute, second, microsecond.
    absolute: dict[str, int] = {}
    #: (0 for Monday, which one), or None.
    weekday: tuple[int, int] | None = None


class ScheduleSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a DAG runs by itself.

    ``none``: only when asked; ``once``: one run ever; ``continuous``: whenever the last run has ended; ``cron``: at
    `expressions` in `timezone`; ``delta``: every `delta`; ``events``: at `events`; ``custom``: as the timetable
    class `classpath` says, asked in another process.
    """

    kind: Literal["none", "once", "continuous", "cron", "delta", "events", "custom"] = "none"
    #: Cron expressions of five fields, or six with seconds at the end.
    expressions: tuple[str, ...] = ()
    timezone: str = "UTC"
    #: For people: what the author wrote.
    text: str = ""
    delta: SpanSpec | None = None
    #: cron, delta: a run is made for each span between two ticks, when it is over; else at each tick.
    intervals: bool = True
    #: Of runs made at a tick: how long their data interval is, which ends there.
    interval: SpanSpec | None = None
    #: At the first tick of all, if nothing says when the DAG begins: False waits for the next one, True takes the
    #: last one, a number takes it if it was no more seconds ago, None if less than a tenth of the pause, or 5
    #: minutes, has gone by since.
    run_immediately: bool | float | None = False
    events: tuple[str, ...] = ()
    #: Runs by hand belong to the last event.
    restrict_to_events: bool = False
    classpath: str = ""
    #: What its ``serialize()`` gave.
    data: dict[str, Any] = {}
    description: str = ""
    #: Events that it also runs by, whatever the kind is, and what becomes of them.
    assets: AssetCondition | None = None
    asset_policy: Policy = "batch"
