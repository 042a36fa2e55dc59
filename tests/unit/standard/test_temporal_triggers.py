import datetime as dt
import importlib

import pytest

from bide.authoring.trigger import TaskSuccessEvent, TriggerEvent, trigger_kind
from bide.model.errors import InvalidArgument
from bide.standard.triggers.temporal import DateTimeTrigger, TimeDeltaTrigger

MOMENT = dt.datetime(2026, 5, 1, 8, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))


def rebuilt(trigger):
    path, kwargs = trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(**kwargs)


def test_both_are_timers():
    assert trigger_kind(DateTimeTrigger) == "timer"
    assert trigger_kind(TimeDeltaTrigger) == "timer"


def test_a_moment_is_kept_with_its_zone():
    again = rebuilt(DateTimeTrigger(MOMENT))
    assert again.due_at == MOMENT
    assert again.event() == TriggerEvent(MOMENT)


def test_a_moment_may_be_text_under_either_name():
    for trigger in (DateTimeTrigger(MOMENT.isoformat()), DateTimeTrigger(target_time=MOMENT.isoformat())):
        assert trigger.due_at == MOMENT


def test_it_can_end_the_task():
    assert rebuilt(DateTimeTrigger(MOMENT, end_from_trigger=True)).event() == TaskSuccessEvent()


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(InvalidArgument, match="no time zone"):
        DateTimeTrigger(dt.datetime(2026, 5, 1))


@pytest.mark.parametrize("moment", [None, 5, "tomorrow"])
def test_what_is_no_moment_is_refused(moment):
    with pytest.raises(InvalidArgument):
        DateTimeTrigger(moment)


@pytest.mark.parametrize(
    "trigger",
    [
        lambda: TimeDeltaTrigger(dt.timedelta(hours=2)),
        lambda: TimeDeltaTrigger(delta=dt.timedelta(hours=2)),
        lambda: TimeDeltaTrigger(moment=dt.timedelta(hours=2)),
        lambda: TimeDeltaTrigger(hours=2),
        lambda: TimeDeltaTrigger(minutes=90, seconds=1800),
    ],
)
def test_a_span_counts_from_when_the_trigger_is_made(runtime, trigger):
    made = trigger()
    due = runtime.moment + dt.timedelta(hours=2)
    runtime.moment += dt.timedelta(days=1)
    path, kwargs = made.serialize()
    assert path == "bide.standard.triggers.temporal.DateTimeTrigger"
    assert kwargs == {"moment": due, "end_from_trigger": False}
    assert rebuilt(made).due_at == due


@pytest.mark.parametrize(
    "arguments",
    [{}, {"delta": dt.timedelta(1), "hours": 1}, {"delta": 3600}, {"fortnights": 1}],
)
def test_wrong_spans_are_refused(arguments):
    with pytest.raises(InvalidArgument, match="TimeDeltaTrigger"):
        TimeDeltaTrigger(**arguments)
