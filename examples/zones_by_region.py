"""Mapping: one instance per region of the world, whose number nobody writes down.

bide run examples/zones_by_region.py
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from bide import DAG, get_current_context, task

#: Names of zones that are no places.
_OTHERS = frozenset({"Etc", "SystemV", "posix", "right"})
_MOMENT = datetime(2026, 7, 1, tzinfo=UTC)

with DAG("zones_by_region", description="The most common time of each region, on a day in July"):

    @task
    def find_regions() -> list[str]:
        """Regions of the IANA time zone database."""
        return sorted({name.split("/")[0] for name in available_timezones() if "/" in name} - _OTHERS)

    @task(map_index_template="{{ region }}")
    def count_zones(region: str) -> dict[str, object]:
        """How many zones a region has, and what time most of them keep."""
        get_current_context()["region"] = region
        zones = [name for name in available_timezones() if name.startswith(f"{region}/")]
        offsets = Counter(_MOMENT.astimezone(ZoneInfo(name)).strftime("%z") for name in zones)
        offset, number = min(offsets.items(), key=lambda item: (-item[1], item[0]))
        return {"region": region, "zones": len(zones), "offset": offset, "keep_it": number}

    @task
    def largest(counts: list[dict[str, object]]) -> str:
        """The region with the most zones. `counts` is read as it is gone through."""
        most = max(counts, key=lambda count: (count["zones"], count["region"]))
        return f"{most['region']}: {most['zones']} zones, {most['keep_it']} of them at UTC{most['offset']}"

    largest(count_zones.expand(region=find_regions()))
