"""Schedules of assets and time."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import structs

from bide.authoring.assets import BaseAsset, as_asset_schedule
from bide.authoring.timetable import Timetable
from bide.authoring.timetables import BuiltInTimetable
from bide.model.assets import POLICIES, Policy
from bide.model.errors import InvalidSchedule
from bide.model.schedule_spec import ScheduleSpec


class AssetTriggeredTimetable(BuiltInTimetable):
    """Runs whenever there are events of assets, and at no time of the clock."""

    periodic = False
    can_be_scheduled = True  # type: ignore[assignment]

    def __init__(self, assets: BaseAsset) -> None:
        condition = assets.condition()
        super().__init__(ScheduleSpec(text=str(condition), description="By events of assets", assets=condition))
        self.asset_condition = assets  # type: ignore[misc]


class AssetOrTimeSchedule(Timetable):
    """Runs as `timetable` says, and by events of `assets` as well; a list of these means all of them.

    `datasets` is Airflow 2's name of `assets`.
    """

    def __init__(
        self,
        *,
        timetable: Any,
        assets: Collection[Any] | BaseAsset | None = None,
        datasets: Collection[Any] | BaseAsset | None = None,
    ) -> None:
        if (assets is None) == (datasets is None):
            raise InvalidSchedule("AssetOrTimeSchedule: give it assets, or datasets, which means the same")
        given = datasets if assets is None else assets
        found = as_asset_schedule(given)
        if found is None:
            raise InvalidSchedule(f"AssetOrTimeSchedule: assets must be assets, not {given!r}")
        self.timetable = timetable
        self.asset_condition = found  # type: ignore[misc]
        self.active_runs_limit = timetable.active_runs_limit if isinstance(timetable, Timetable) else None

    @property
    def summary(self) -> str:
        """The assets, or the summary of the timetable."""
        return f"{self.asset_condition.condition()} or {getattr(self.timetable, 'summary', self.timetable)}"


def with_assets(spec: ScheduleSpec, assets: BaseAsset) -> ScheduleSpec:
    """`spec`, and events of `assets` as well."""
    condition = assets.condition()
    return structs.replace(spec, assets=condition, text=f"{condition} or {spec.text}" if spec.text else "")


def assets_of(schedule: object) -> BaseAsset | None:
    """The assets whose events `schedule` goes by."""
    return schedule.asset_condition if isinstance(schedule, AssetOrTimeSchedule) else as_asset_schedule(schedule)


def checked_policy(value: Any) -> Policy:
    """What becomes of events, of the words that there are for it. Raises :class:`InvalidSchedule`."""
    if value not in POLICIES:
        raise InvalidSchedule(f"asset_policy must be one of {', '.join(POLICIES)}, not {value!r}")
    return value
