"""``defer``: what it raises, and what it refuses at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bide.authoring.deferral import TaskDeferred, TaskRescheduled, check_resume_method
from bide.authoring.operator import BaseOperator
from bide.authoring.trigger import BaseTrigger, TriggerEvent
from bide.model.errors import InvalidArgument


class Soon(BaseTrigger):
    """Fires at once."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return ("tests.Soon", {})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent(None)


class Waiting(BaseOperator):
    """Has methods to be resumed at, good ones and bad ones."""

    attribute = 5

    def execute(self, context: Any, event: Any = None) -> None: ...
    def done(self, context: Any, event: Any = None) -> None: ...
    def with_more(self, context: Any, event: Any, a: int, b: int = 2) -> None: ...
    def with_anything(self, **kwargs: Any) -> None: ...
    def without_event(self, context: Any) -> None: ...
    def without_context(self, event: Any) -> None: ...
    def without_any(self) -> None: ...
    def other_names(self, context: Any, payload: Any) -> None: ...

    @staticmethod
    def static(context: Any, event: Any) -> None: ...


@pytest.fixture
def task() -> Waiting:
    return Waiting(task_id="t")


def deep(task: Waiting, levels: int) -> None:
    """Defer from `levels` calls down, past code that catches every Exception."""
    try:
        if levels:
            deep(task, levels - 1)
        else:
            task.defer(Soon(), "done", None, dt.timedelta(minutes=1))
    except Exception:  # the signal must get through
        pytest.fail("defer was caught as an exception")


def test_it_goes_through_from_any_depth(task: Waiting) -> None:
    with pytest.raises(TaskDeferred) as caught:
        deep(task, 5)
    deferred = caught.value
    assert isinstance(deferred.trigger, Soon) and deferred.method_name == "done"
    assert deferred.timeout == dt.timedelta(minutes=1) and deferred.timeout_seconds == 60
    assert deferred.kwargs is None


def test_raised_by_hand_it_takes_the_same_arguments() -> None:
    deferred = TaskDeferred(trigger=Soon(), method_name="done", kwargs={"a": 1}, timeout=5)
    assert deferred.kwargs == {"a": 1} and deferred.timeout_seconds == 5.0
    assert TaskDeferred(trigger=Soon(), method_name="done").timeout_seconds is None
    assert not isinstance(deferred, Exception)


@pytest.mark.parametrize(
    ("method", "kwargs"),
    [
        ("done", None),
        ("execute", None),
        ("with_more", {"a": 1}),
        ("with_more", {"a": 1, "b": 3}),
        ("with_anything", {"whatever": 1}),
        ("static", None),
        ("without_event", None),
        ("without_context", None),
        ("without_any", None),
        (None, None),
    ],
)
def test_methods_that_can_go_on(task: Waiting, method: str | None, kwargs: dict[str, Any] | None) -> None:
    with pytest.raises(TaskDeferred):
        task.defer(trigger=Soon(), method_name=method, kwargs=kwargs)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"trigger": Soon}, "trigger must be an instance, not the class Soon: write Soon(...)"),
        ({"trigger": "Soon"}, "trigger must be an instance of a BaseTrigger, not 'Soon'"),
        ({"trigger": None}, "trigger must be an instance of a BaseTrigger, not None"),
        ({"method_name": "dune"}, "Waiting has no method 'dune' to be resumed at; did you mean 'done'?"),
        ({"method_name": "attribute"}, "Waiting has no method 'attribute'"),
        ({"method_name": 5}, "method_name must be the name of a method, not 5"),
        (
            {"kwargs": {"x": 1}},
            "Waiting.done() does not accept 'x': it is called with context, event, x by keyword, "
            "so write it as def done(self, context, event, x)",
        ),
        ({"method_name": "other_names"}, "Waiting.other_names() needs 'payload', which kwargs= does not give"),
        ({"method_name": "with_more"}, "Waiting.with_more() needs 'a', which kwargs= does not give"),
        ({"kwargs": [1]}, "kwargs must be a dict with names as keys, not list"),
        ({"kwargs": {1: 2}}, "kwargs must be a dict with names as keys"),
        ({"kwargs": {"event": 1}}, "kwargs can't have 'event'"),
        ({"timeout": "1h"}, "defer: timeout must be a timedelta or a number of seconds, not str: '1h'"),
        ({"timeout": dt.timedelta(-1)}, "timeout must be a span of zero or more seconds"),
    ],
)
def test_what_cannot_work_is_refused_at_once(task: Waiting, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        task.defer(**{"trigger": Soon(), "method_name": "done", **arguments})
    assert words in str(caught.value)


def test_by_hand_all_but_the_method_is_checked() -> None:
    with pytest.raises(InvalidArgument, match="trigger must be an instance"):
        TaskDeferred(trigger=object(), method_name="x")  # type: ignore[arg-type]
    deferred = TaskDeferred(trigger=Soon(), method_name="nowhere")
    with pytest.raises(InvalidArgument, match="has no method 'nowhere'"):
        check_resume_method(Waiting(task_id="t"), deferred.method_name, deferred.kwargs)


def test_rescheduling_takes_a_moment() -> None:
    assert TaskRescheduled(dt.datetime(2026, 1, 1)).reschedule_date == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
