"""What ``schedule=`` of a DAG may be, as a timetable and as what the engine stores."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from msgspec import structs

from bide.authoring.asset_schedules import (
    AssetOrTimeSchedule,
    AssetTriggeredTimetable,
    checked_policy,
    with_assets,
)
from bide.authoring.assets import as_asset_schedule
from bide.authoring.settings import find_flag
from bide.authoring.timetable import Timetable
from bide.authoring.timetables import (
    BuiltInTimetable,
    ContinuousTimetable,
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    DeltaDataIntervalTimetable,
    DeltaTriggerTimetable,
    NullTimetable,
    OnceTimetable,
    cron_zone,
)
from bide.model.errors import InvalidSchedule
from bide.model.schedule_spec import ScheduleSpec
from bide.model.schedule_text import parse_schedule
from bide.model.spans import is_relative

if TYPE_CHECKING:
    from bide.authoring.dag import DAG


def schedule_of(dag: DAG) -> ScheduleSpec:
    """When `dag` runs by itself. Raises :class:`InvalidSchedule` with the DAG's name and the schedule."""
    try:
        spec = _spec(dag.schedule, dag.timezone)
        return spec if spec.assets is None else structs.replace(spec, asset_policy=checked_policy(dag.asset_policy))
    except InvalidSchedule as error:
        raise InvalidSchedule(f"DAG {dag.dag_id!r}: {error}") from error.__cause__


def timetable_of(dag: DAG) -> Timetable:
    """The timetable that `dag` goes by."""
    schedule: Any = dag.schedule
    if isinstance(schedule, Timetable):
        return schedule
    assets = as_asset_schedule(schedule)
    if assets is not None:
        return AssetTriggeredTimetable(assets)
    spec = schedule_of(dag)
    match spec.kind:
        case "none":
            return NullTimetable()
        case "once":
            return OnceTimetable()
        case "continuous":
            return ContinuousTimetable()
        case "cron" if spec.intervals:
            return CronDataIntervalTimetable(spec.expressions[0], spec.timezone)
        case "cron":
            return CronTriggerTimetable(spec.expressions[0], timezone=spec.timezone)
        case _:
            return DeltaDataIntervalTimetable(schedule) if spec.intervals else DeltaTriggerTimetable(schedule)


def _spec(schedule: Any, zone: dt.tzinfo) -> ScheduleSpec:
    if schedule is None or isinstance(schedule, str):
        intervals = find_flag("scheduler", "create_cron_data_intervals", True)
        return parse_schedule(schedule, cron_zone(zone), intervals=intervals)
    if isinstance(schedule, dt.timedelta) or is_relative(schedule):
        intervals = find_flag("scheduler", "create_delta_data_intervals", True)
        return (DeltaDataIntervalTimetable(schedule) if intervals else DeltaTriggerTimetable(schedule)).spec
    assets = as_asset_schedule(schedule)
    if assets is not None:
        return AssetTriggeredTimetable(assets).spec
    if isinstance(schedule, AssetOrTimeSchedule):
        return with_assets(_spec(schedule.timetable, zone), schedule.asset_condition)
    if _is_built_in(schedule):
        return schedule.spec
    if not isinstance(schedule, Timetable):
        raise InvalidSchedule(
            f"a schedule given as a {type(schedule).__name__} ({schedule!r}) is not supported; use None, a preset "
            "like '@daily', a cron expression, a timedelta or relativedelta, a timetable, or assets"
        )
    return _custom(schedule)


def _is_built_in(schedule: object) -> TypeGuard[BuiltInTimetable]:
    return isinstance(schedule, BuiltInTimetable) and type(schedule).__module__.startswith("bide.authoring.")


def _custom(timetable: Timetable) -> ScheduleSpec:
    """What the engine stores of a timetable class of somebody else's, which has to be asked."""
    cls = type(timetable)
    name = f"{cls.__module__}.{cls.__qualname__}"
    if "<locals>" in name:
        raise InvalidSchedule(
            f"the timetable class {name} is made in a function, where nobody else finds it; move it to its module"
        )
    try:
        timetable.validate()
        data = timetable.serialize()
        summary, description = timetable.summary, timetable.description
    except InvalidSchedule:
        raise
    except Exception as error:
        raise InvalidSchedule(f"the timetable {name} can't be used: {type(error).__name__}: {error}") from error
    try:
        stored = json.loads(json.dumps(data, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidSchedule(
            f"the timetable {name}: serialize() must give values that JSON has, not {data!r}: {error}"
        ) from error
    if not isinstance(stored, dict):
        raise InvalidSchedule(f"the timetable {name}: serialize() must give a dict, not {data!r}")
    try:
        cls.deserialize(cast("dict[str, Any]", stored))
    except Exception as error:
        raise InvalidSchedule(
            f"the timetable {name} can't be built again by deserialize() from {stored!r}, which serialize() gives: "
            f"{type(error).__name__}: {error}"
        ) from error
    return ScheduleSpec(
        kind="custom",
        classpath=name,
        data=cast("dict[str, Any]", stored),
        text=summary,
        description=description or "",
    )
