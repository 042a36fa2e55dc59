"""The schedule that a DAG is given, by one of several names."""

from __future__ import annotations

from typing import Any

from bide.authoring.asset_watchers import AssetWatcher
from bide.authoring.params import NO_VALUE
from bide.authoring.trigger import BaseTrigger
from bide.model.errors import InvalidArgument


def one_schedule(dag_id: str, schedule: Any, schedule_interval: Any, timetable: Any) -> Any:
    """The one that was given; a watcher, or a trigger to watch with, is an asset of the DAG's own that it watches.

    Raises :class:`InvalidArgument` if several were given.
    """
    given = [value for value in (schedule, schedule_interval) if value is not NO_VALUE]
    if timetable is not None:
        given.append(timetable)
    if len(given) > 1:
        raise InvalidArgument(f"DAG {dag_id!r}: give one of schedule, schedule_interval and timetable, not several")
    return _watched(dag_id, given[0]) if given else None


def _watched(dag_id: str, schedule: Any) -> Any:
    watcher = AssetWatcher("trigger", schedule) if isinstance(schedule, BaseTrigger) else schedule
    if not isinstance(watcher, AssetWatcher):
        return schedule
    from bide.authoring.assets import Asset  # a tenth of what `import bide` may cost

    return Asset(f"{dag_id}/{watcher.name}", group="watcher", watchers=[watcher])
