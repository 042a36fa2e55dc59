"""What ``schedule=`` may be."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
from dateutil.relativedelta import relativedelta

from bide.authoring.dag import DAG
from bide.authoring.schedules import schedule_of
from bide.authoring.scope import collecting
from bide.authoring.serialize import serialize_dag, validate_dag
from bide.authoring.timetable import DagRunInfo, DataInterval, TimeRestriction, Timetable
from bide.authoring.timetables import (
    ContinuousTimetable,
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    DeltaDataIntervalTimetable,
    DeltaTriggerTimetable,
    EventsTimetable,
    MultipleCronTriggerTimetable,
    NullTimetable,
    OnceTimetable,
)
from bide.model.dag_spec import decode_spec, encode_spec
from bide.model.errors import InvalidSchedule
from bide.model.schedule_spec import ScheduleSpec, SpanSpec

HOUR = dt.timedelta(hours=1)


class Workdays(Timetable):
    """A timetable of an author's own."""

    description = "Workdays only"

    def __init__(self, hour: int = 8) -> None:
        self.hour = hour

    @property
    def summary(self) -> str:
        return f"workdays at {self.hour}"

    def serialize(self) -> dict[str, Any]:
        return {"hour": self.hour}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Workdays:
        return cls(data["hour"])


class Refused(Timetable):
    def validate(self) -> None:
        raise ValueError("no such thing")


class Opaque(Timetable):
    def serialize(self) -> dict[str, Any]:
        return {"what": object()}


class Forgetful(Timetable):
    """It has an argument and does not say so."""

    def __init__(self, hour: int) -> None:
        self.hour = hour


def spec(**options: Any) -> ScheduleSpec:
    return schedule_of(DAG("d", **options))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (HOUR, ScheduleSpec(kind="delta", delta=SpanSpec(microseconds=3_600_000_000), text="1:00:00")),
        (
            relativedelta(months=1, day=1),
            ScheduleSpec(
                kind="delta", delta=SpanSpec(months=1, absolute={"day": 1}), text="relativedelta(months=+1, day=1)"
            ),
        ),
        ("@continuous", ScheduleSpec(kind="continuous", text="@continuous")),
        (NullTimetable(), NullTimetable().spec),
        (OnceTimetable(), OnceTimetable().spec),
        (ContinuousTimetable(), ContinuousTimetable().spec),
        (
            CronDataIntervalTimetable("@daily", timezone=ZoneInfo("Europe/Rome")),
            ScheduleSpec(kind="cron", expressions=("0 0 * * *",), timezone="Europe/Rome", text="0 0 * * *"),
        ),
        (
            CronTriggerTimetable(
                "0 6 * * *",
                timezone=pendulum.timezone("Asia/Tokyo"),
                interval=HOUR,
                run_immediately=dt.timedelta(minutes=10),
            ),
            ScheduleSpec(
                kind="cron",
                expressions=("0 6 * * *",),
                timezone="Asia/Tokyo",
                text="0 6 * * *",
                intervals=False,
                interval=SpanSpec(microseconds=3_600_000_000),
                run_immediately=600.0,
            ),
        ),
        (
            MultipleCronTriggerTimetable("0 6 * * 1-5", "0 8 * * 6,0", timezone="UTC"),
            ScheduleSpec(
                kind="cron",
                expressions=("0 6 * * 1-5", "0 8 * * 6,0"),
                text="0 6 * * 1-5, 0 8 * * 6,0",
                intervals=False,
            ),
        ),
        (DeltaDataIntervalTimetable(HOUR), DeltaDataIntervalTimetable(HOUR).spec),
        (DeltaTriggerTimetable(HOUR, interval=HOUR), DeltaTriggerTimetable(HOUR, interval=HOUR).spec),
    ],
)
def test_what_a_schedule_may_be(schedule: Any, expected: ScheduleSpec) -> None:
    assert spec(schedule=schedule) == expected
    assert spec(timetable=schedule) == expected
    assert spec(schedule_interval=schedule) == expected


def test_schedules_survive_being_stored() -> None:
    events = EventsTimetable([dt.datetime(2026, 1, 2, tzinfo=dt.UTC)], restrict_to_events=True)
    for schedule in (relativedelta(months=1, weekday=0), events, Workdays(7), "0 0 * * *"):
        stored = serialize_dag(DAG("d", schedule=schedule), file="/dags/d.py", folder="/dags")
        assert decode_spec(encode_spec(stored)).schedule == stored.schedule


def test_cron_strings_may_be_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS", "False")
    monkeypatch.setenv("AIRFLOW__SCHEDULER__CREATE_DELTA_DATA_INTERVALS", "False")
    assert not spec(schedule="@daily").intervals
    assert not spec(schedule=HOUR).intervals
    assert spec(schedule=CronDataIntervalTimetable("@daily", "UTC")).intervals
    assert isinstance(DAG("d", schedule="@daily").timetable, CronTriggerTimetable)


def test_events_are_sorted_and_in_utc() -> None:
    rome = ZoneInfo("Europe/Rome")
    events = EventsTimetable([dt.datetime(2026, 1, 2, tzinfo=rome), dt.datetime(2026, 1, 1)])
    assert events.spec.events == ("2026-01-01T00:00:00+00:00", "2026-01-01T23:00:00+00:00")
    assert events.summary == "2 events"
    assert EventsTimetable([]).description == "No events"


@pytest.mark.parametrize(
    ("schedule", "kind"),
    [
        (None, NullTimetable),
        ("@once", OnceTimetable),
        ("@continuous", ContinuousTimetable),
        ("@daily", CronDataIntervalTimetable),
        (HOUR, DeltaDataIntervalTimetable),
        (Workdays(), Workdays),
    ],
)
def test_a_dag_has_a_timetable(schedule: Any, kind: type[Timetable]) -> None:
    assert type(DAG("d", schedule=schedule).timetable) is kind


def test_a_timetable_says_what_comes_next() -> None:
    daily = CronDataIntervalTimetable("@daily", "UTC")
    day = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    restriction = TimeRestriction(earliest=day, latest=None, catchup=True)
    found = daily.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert found == DagRunInfo.interval(day, day + 24 * HOUR)
    last = DataInterval(day, day + 24 * HOUR)
    found = daily.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
    assert found is not None and found.logical_date == last.end
    assert daily.infer_manual_data_interval(run_after=day + HOUR) == DataInterval(day - 24 * HOUR, day)


def test_a_timetable_of_ones_own_is_stored_by_its_class() -> None:
    found = spec(schedule=Workdays(9))
    assert (found.kind, found.classpath, found.data) == ("custom", f"{__name__}.Workdays", {"hour": 9})
    assert (found.text, found.description) == ("workdays at 9", "Workdays only")


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        (dt.timedelta(0), "must be positive"),
        (dt.timedelta(days=-1), "must be positive"),
        (dt.timedelta.max, "no span between runs"),
        (relativedelta(day=1), "must be positive"),
        (3, "given as a int"),
        (Refused(), "ValueError: no such thing"),
        (Opaque(), "values that JSON has"),
        (Forgetful(3), r"can't be built again by deserialize\(\) from {}.*TypeError.*'hour'"),
    ],
)
def test_what_no_schedule_is(schedule: Any, reason: str) -> None:
    with pytest.raises(InvalidSchedule, match=reason) as caught:
        spec(schedule=schedule)
    assert "'d'" in str(caught.value)


def test_a_timetable_made_in_a_function_is_refused() -> None:
    class Local(Timetable):
        pass

    with pytest.raises(InvalidSchedule, match="made in a function"):
        spec(schedule=Local())


def test_continuous_runs_are_one_at_a_time() -> None:
    assert DAG("d", schedule="@continuous").max_active_runs == 1
    validate_dag(DAG("d", schedule="@continuous", max_active_runs=1))
    with pytest.raises(InvalidSchedule, match="max_active_runs=1, not 16"):
        validate_dag(DAG("d", schedule=ContinuousTimetable(), max_active_runs=16))


def test_the_zone_is_that_of_the_start_date() -> None:
    for zone in (ZoneInfo("Europe/Rome"), pendulum.timezone("Europe/Rome")):
        assert spec(schedule="@daily", start_date=dt.datetime(2026, 1, 1, tzinfo=zone)).timezone == "Europe/Rome"
    start = pendulum.datetime(2026, 1, 1, tz="Europe/Rome")
    assert spec(schedule="@daily", default_args={"start_date": start}).timezone == "Europe/Rome"
    assert spec(schedule="@daily").timezone == "UTC"


def test_the_guides_dags_have_their_schedules() -> None:
    guide = Path(__file__).parents[3] / "docs" / "guides" / "schedules.md"
    found = re.search(r"```python\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    with collecting() as made:
        exec(found[1], {"__name__": "guide"})
    specs = {dag.dag_id: schedule_of(dag) for dag in made}
    assert {dag_id: spec.kind for dag_id, spec in specs.items()} == {
        "daily": "cron",
        "weekdays": "cron",
        "every_six_hours": "delta",
        "at_eight": "cron",
        "office_hours": "cron",
        "when_asked": "none",
    }
    assert {specs[dag_id].timezone for dag_id in ("daily", "weekdays", "at_eight", "office_hours")} == {
        "Europe/Rome"
    }


def test_the_guides_timetable_runs_on_workdays() -> None:
    guide = Path(__file__).parents[3] / "docs" / "guides" / "schedules.md"
    found = re.search(r"```python\n(# plugins/.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)
    timetable = names["AfterWorkday"].deserialize(names["AfterWorkday"](19).serialize())
    restriction = TimeRestriction(pendulum.datetime(2026, 3, 4, 7), None, True)
    last: DataInterval | None = None
    days: list[tuple[int, int]] = []
    for _ in range(4):
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        last = info.data_interval
        days.append((info.data_interval.start.day, info.run_after.hour))
    assert days == [(4, 19), (5, 19), (6, 19), (9, 19)]
