"""When the clocks of the world changed, out of the IANA time zone data in the `tzdata` package.

Two ways lead to the same numbers. :func:`history` reads the compiled zone files (TZif, RFC 9636): exact and
quick. :func:`sweep` knows nothing of files: it asks :mod:`zoneinfo` for the offset every few days and closes
in on each difference by bisection, which takes seconds for all zones. The example does both and compares.

Moments are Unix seconds in UTC and years are UTC years.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from io import BytesIO
from itertools import chain, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

#: The years that the example looks at. Zone files promise nothing useful outside of them.
FIRST_YEAR, LAST_YEAR = 1900, 2037
DAY = 86_400
#: Seconds between two looks of :func:`sweep`. No zone ever changed its clock twice within this time.
STRIDE = 5 * DAY

NORTHERN_AMERICA = "Northern America"
LATIN_AMERICA = "Latin America & Caribbean"
EUROPE = "Europe"
ASIA = "Asia"
AFRICA = "Africa"
OCEANIA = "Oceania & Antarctica"
REGIONS = (NORTHERN_AMERICA, LATIN_AMERICA, EUROPE, ASIA, AFRICA, OCEANIA)

#: Countries (ISO 3166) whose region is not that of the first part of their zones' names; after the UN's M49.
_REGION_OF_COUNTRY = {
    **dict.fromkeys(("BM", "CA", "GL", "PM", "US"), NORTHERN_AMERICA),
    **dict.fromkeys(("FK", "GS"), LATIN_AMERICA),
    **dict.fromkeys(("ES", "FO", "PT"), EUROPE),
    **dict.fromkeys(("CV", "MU", "RE", "SC"), AFRICA),
    **dict.fromkeys(("IO", "MV", "TF"), ASIA),
}
_REGION_OF_AREA = {
    "Africa": AFRICA,
    "America": LATIN_AMERICA,
    "Antarctica": OCEANIA,
    "Asia": ASIA,
    "Atlantic": EUROPE,
    "Australia": OCEANIA,
    "Europe": EUROPE,
    "Indian": AFRICA,
    "Pacific": OCEANIA,
}


class Zone(NamedTuple):
    """One time zone that differs from all others since 1970."""

    name: str
    region: str
    #: ISO 3166 codes, the most populous first.
    countries: tuple[str, ...]


class Period(NamedTuple):
    """A span with one offset: from `start` to the next period's start."""

    start: int
    #: Seconds east of Greenwich.
    offset: int
    daylight_saving: bool


def release() -> str:
    """The release of the data, such as ``2026a``."""
    year, number = version("tzdata").split(".")[:2]
    return f"{year}{chr(ord('a') + int(number) - 1)}"


def zones() -> list[Zone]:
    """The zones of ``zone1970.tab``, about 310: without aliases and those that differ only before 1970."""
    found: list[Zone] = []
    for line in _data("zone1970.tab").decode().splitlines():
        if line.startswith("#"):
            continue
        codes, _, name = line.split("\t")[:3]
        countries = tuple(codes.split(","))
        region = _REGION_OF_COUNTRY.get(countries[0]) or _REGION_OF_AREA[name.partition("/")[0]]
        found.append(Zone(name, region, countries))
    return found


def zone_info(name: str) -> ZoneInfo:
    """Zone `name` as of the package, where ``ZoneInfo(name)`` would prefer the operating system's data."""
    return ZoneInfo.from_file(BytesIO(_data(*name.split("/"))), key=name)


def history(name: str, last: int = LAST_YEAR) -> list[Period]:
    """The periods of zone `name` up to the end of year `last`, oldest first.

    A zone file lists what is past and ends with a rule for the future, which :mod:`zoneinfo` works out.
    """
    listed, rule = _read(_data(*name.split("/")))
    end = year_start(last + 1)
    periods = [period for period in listed if period.start < end]
    if "," in rule and len(periods) == len(listed):  # else the clocks stay as they are
        zone = zone_info(name)
        periods += [
            Period(moment, offset, bool(datetime.fromtimestamp(moment, zone).dst()))
            for moment, offset in sweep(zone, max(periods[-1].start, year_start(FIRST_YEAR)), end)
        ]
    return periods


def clock_changes(periods: list[Period], first: int = FIRST_YEAR, last: int = LAST_YEAR) -> Counter[int]:
    """How often the clocks were put forward or back, by year."""
    return years_of(
        (after.start for before, after in pairwise(periods) if before.offset != after.offset), first, last
    )


def years_of(moments: Iterable[int], first: int = FIRST_YEAR, last: int = LAST_YEAR) -> Counter[int]:
    """How many of `moments` lie in each year from `first` to `last`."""
    return Counter(year for moment in moments if first <= (year := _year(moment)) <= last)


def daylight_saving_years(periods: list[Period], first: int = FIRST_YEAR, last: int = LAST_YEAR) -> set[int]:
    """The years from `first` to `last` of which at least a day was spent under daylight saving time."""
    years: set[int] = set()
    ends = [period.start for period in periods[1:]] + [year_start(last + 1)]
    for period, end in zip(periods, ends, strict=True):
        if not period.daylight_saving:
            continue
        end = min(end, year_start(last + 1))
        begin = max(period.start, year_start(first))
        while begin < end:
            year = _year(begin)
            next_year = year_start(year + 1)
            if min(end, next_year) - begin >= DAY:
                years.add(year)
            begin = next_year
    return years


def sweep(zone: ZoneInfo, start: int, end: int, stride: int = STRIDE) -> Iterator[tuple[int, int]]:
    """Each moment in (`start`, `end`) at which the offset of `zone` changed, with the new offset in seconds.

    Two changes within `stride` seconds that cancel each other would be missed.
    """
    local = datetime.fromtimestamp  # called millions of times
    here, before = start, local(start, zone).utcoffset()
    for there in chain(range(start + stride, end - 1, stride), (end - 1,)):
        after = local(there, zone).utcoffset()
        if after != before:
            kept = bisect_left(
                range(here, there), True, key=lambda m, old=before: local(m, zone).utcoffset() != old
            )
            yield here + kept, int(after.total_seconds())
        here, before = there, after


def year_start(year: int) -> int:
    """The first second of `year`."""
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())


def _year(moment: int) -> int:
    return datetime.fromtimestamp(moment, UTC).year


def _data(*path: str) -> bytes:
    return files("tzdata").joinpath("zoneinfo", *path).read_bytes()


def _read(data: bytes) -> tuple[list[Period], str]:
    """The periods that a zone file spells out, the first since ever, and its rule for the time after them.

    The format is that of RFC 9636, section 3; the rule is a POSIX TZ string: ``CET-1CEST,M3.5.0,M10.5.0/3``.
    """
    position, counts = _header(data, 0)
    # The first block has 32-bit times and is for old readers; the one behind it has 64-bit times.
    body, counts = _header(data, position + _block_length(counts, time_size=4))
    times = struct.unpack_from(f">{counts.times}q", data, body)
    kinds = data[body + 8 * counts.times : body + 9 * counts.times]
    table = body + 9 * counts.times
    types = [struct.unpack_from(">i?", data, table + 6 * index) for index in range(counts.types)]
    periods = [Period(-(2**63), *types[0])]
    periods += [Period(moment, *types[kind]) for moment, kind in zip(times, kinds, strict=True)]
    return periods, data[body + _block_length(counts, time_size=8) :].decode("ascii").strip()


class _Counts(NamedTuple):
    """How many entries of each sort follow a header."""

    ut_flags: int
    standard_flags: int
    leap_seconds: int
    times: int
    types: int
    letters: int


def _header(data: bytes, position: int) -> tuple[int, _Counts]:
    magic, version_byte, *counts = struct.unpack_from(">4sc15x6I", data, position)
    if magic != b"TZif" or version_byte < b"2":
        raise ValueError(f"not a TZif file of version 2 or later: it begins with {data[:5]!r}")
    return position + 44, _Counts(*counts)


def _block_length(counts: _Counts, time_size: int) -> int:
    return (
        counts.times * (time_size + 1)
        + counts.types * 6
        + counts.letters
        + counts.leap_seconds * (time_size + 4)
        + counts.standard_flags
        + counts.ut_flags
    )
