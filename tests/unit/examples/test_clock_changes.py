import struct
from datetime import UTC, datetime
from itertools import pairwise

import clock_changes
import pytest
from clock_changes import Period, year_start

pytest.importorskip("tzdata")


def at(*moment):
    return int(datetime(*moment, tzinfo=UTC).timestamp())


def tzif(*periods, rule="<-00>0"):
    """A zone file of version 2 with `periods` (start, offset, daylight saving), the first since ever."""

    def block(size):
        changes = periods[1:]
        head = struct.pack(">4sc15x6I", b"TZif", b"2", 0, 0, 0, len(changes), len(periods), 4)
        times = b"".join(struct.pack(">q" if size == 8 else ">i", start) for start, _, _ in changes)
        types = b"".join(struct.pack(">i?B", offset, flag, 0) for _, offset, flag in periods)
        return head + times + bytes(range(1, len(periods))) + types + b"-00\0"

    return block(4) + block(8) + f"\n{rule}\n".encode()


@pytest.fixture
def zone(monkeypatch):
    """Makes the zone "Test/Zone" what the test says it is."""

    def be(*periods, rule="<-00>0"):
        data = tzif(*periods, rule=rule)
        monkeypatch.setattr(clock_changes, "_data", lambda *path: {("Test", "Zone"): data}[path])
        return "Test/Zone"

    return be


def test_a_file_is_read(zone):
    name = zone((0, 3600, False), (at(1916, 4, 30, 22), 7200, True), (at(1916, 9, 30, 23), 3600, False))
    periods = clock_changes.history(name)
    assert periods == [
        Period(-(2**63), 3600, False),
        Period(at(1916, 4, 30, 22), 7200, True),
        Period(at(1916, 9, 30, 23), 3600, False),
    ]
    assert clock_changes.clock_changes(periods) == {1916: 2}
    assert clock_changes.daylight_saving_years(periods) == {1916}


def test_a_rule_goes_on_where_the_list_ends(zone):
    name = zone((0, 3600, False), rule="CET-1CEST,M3.5.0,M10.5.0/3")
    periods = clock_changes.history(name, last=2001)
    assert periods[-1] == Period(at(2001, 10, 28, 1), 3600, False)
    assert clock_changes.clock_changes(periods, first=2000, last=2001) == {2000: 2, 2001: 2}
    assert clock_changes.daylight_saving_years(periods, first=2000, last=2001) == {2000, 2001}


def test_a_change_of_name_only_is_no_clock_change(zone):
    periods = clock_changes.history(zone((0, 3600, False), (at(1950, 1, 1), 3600, True)))
    assert clock_changes.clock_changes(periods) == {}


def test_less_than_a_day_of_a_year_does_not_count(zone):
    name = zone((0, 0, False), (at(1999, 11, 1), 3600, True), (at(2000, 1, 1, 10), 0, False))
    assert clock_changes.daylight_saving_years(clock_changes.history(name)) == {1999}


def test_years_outside_are_left_out(zone):
    name = zone((0, 0, False), (at(1990, 5, 1), 3600, True), (at(2010, 5, 1), 0, False))
    periods = clock_changes.history(name)
    assert clock_changes.daylight_saving_years(periods, first=1995, last=1997) == {1995, 1996, 1997}
    assert clock_changes.clock_changes(periods, first=1995, last=2037) == {2010: 1}


def test_the_sweep_finds_changes_to_the_second(zone):
    changes = [(at(1949, 4, 10, 1, 0, 7), 7200, True), (at(1949, 4, 16, 2), 3600, False)]
    name = zone((0, 3600, False), *changes, rule="CET-1")
    found = clock_changes.sweep(clock_changes.zone_info(name), year_start(1940), year_start(1960))
    assert list(found) == [(moment, offset) for moment, offset, _ in changes]


def test_what_is_no_zone_file_is_refused(monkeypatch):
    monkeypatch.setattr(clock_changes, "_data", lambda *path: b"GIF89a" + bytes(60))
    with pytest.raises(ValueError, match="not a TZif file"):
        clock_changes.history("Test/Zone")


# --- on the real data ---------------------------------------------------------------------------------------------


def test_the_zones_and_their_regions():
    regions = {zone.name: zone.region for zone in clock_changes.zones()}
    assert 300 < len(regions) < 330
    assert set(regions.values()) == set(clock_changes.REGIONS)
    assert regions["Pacific/Honolulu"] == clock_changes.NORTHERN_AMERICA
    assert regions["Atlantic/Azores"] == clock_changes.EUROPE
    assert regions["America/Sao_Paulo"] == clock_changes.LATIN_AMERICA


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/Tijuana", "Africa/Casablanca", "Asia/Kathmandu"])
def test_both_ways_agree(name):
    exact = clock_changes.clock_changes(clock_changes.history(name))
    found = clock_changes.sweep(clock_changes.zone_info(name), year_start(1900), year_start(2038))
    assert clock_changes.years_of(moment for moment, _ in found) == exact


def test_well_known_years():
    berlin = clock_changes.daylight_saving_years(clock_changes.history("Europe/Berlin"))
    assert min(berlin) == 1916
    assert 1960 not in berlin
    assert 1980 in berlin
    assert clock_changes.clock_changes(clock_changes.history("Europe/Berlin"))[1945] == 4
    assert not clock_changes.daylight_saving_years(clock_changes.history("Asia/Kathmandu"))


def test_no_clock_changes_twice_within_the_stride_of_the_sweep():
    for name in ("America/Goose_Bay", "America/Cambridge_Bay", "Africa/El_Aaiun"):
        starts = [period.start for period in clock_changes.history(name)[1:]]
        assert min(b - a for a, b in pairwise(starts)) > clock_changes.STRIDE
