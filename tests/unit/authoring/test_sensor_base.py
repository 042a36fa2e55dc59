"""Sensors: when they look, when they give up, and what that does to their task."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from bide.authoring import sensor as sensor_module
from bide.authoring.context import Context
from bide.authoring.dag import DAG
from bide.authoring.deferral import TaskRescheduled
from bide.authoring.sensor import BaseSensorOperator, PokeReturnValue, poke_mode_only
from bide.model.errors import (
    BideError,
    ConfigError,
    InvalidArgument,
    SensorTimeout,
    TaskError,
    TaskFailure,
    TaskSkipped,
    TriggerFailure,
)
from bide.model.failed_waits import TriggerFailureReason

Contexts = Callable[..., Context]


class Watch(BaseSensorOperator):
    """Answers from a list; an exception in it is raised. Sleeping moves a clock of its own."""

    def __init__(self, answers: list[Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.answers = answers or []
        self.looked_at: list[float] = []
        self.clock = 100.0

    def poke(self, context: Context) -> Any:
        self.looked_at.append(self.clock - 100.0)
        answer = self.answers.pop(0) if self.answers else False
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.clock += seconds


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Watch]:
    """Makes a sensor whose monotonic clock is its own."""

    def make(answers: list[Any] | None = None, **options: Any) -> Watch:
        with DAG("d"):
            made = Watch(answers, task_id="w", **options)
        monkeypatch.setattr(sensor_module, "monotonic", lambda: made.clock)
        monkeypatch.setattr(sensor_module, "sleep", made.sleep)
        return made

    return make


def test_it_looks_every_interval_until_it_is_there(watch: Callable[..., Watch], context_for: Contexts) -> None:
    made = watch([False, None, True], poke_interval=10)
    assert made.execute(context_for(made)) is None
    assert made.looked_at == [0, 10, 20]


def test_a_value_can_be_handed_on(watch: Callable[..., Watch], context_for: Contexts) -> None:
    made = watch([PokeReturnValue(False, "no"), PokeReturnValue(True, "yes")])
    assert made.execute(context_for(made)) == "yes"


def test_it_gives_up_when_the_time_is_over(watch: Callable[..., Watch], context_for: Contexts) -> None:
    made = watch(poke_interval=1, timeout=5)
    with pytest.raises(SensorTimeout, match=r"timed out after 5\.0 s; its timeout is 5 s"):
        made.execute(context_for(made))
    assert made.looked_at == [0, 1, 2, 3, 4, 5]


def test_the_last_look_is_when_the_time_is_over(watch: Callable[..., Watch], context_for: Contexts) -> None:
    made = watch([False, True], poke_interval=60, timeout=5)
    made.execute(context_for(made))
    assert made.looked_at == [0, 5]


def test_spans_may_be_timedeltas(watch: Callable[..., Watch]) -> None:
    made = watch(
        poke_interval=dt.timedelta(minutes=1), timeout=dt.timedelta(hours=1), max_wait=dt.timedelta(seconds=9)
    )
    assert (made.poke_interval, made.timeout, made.max_wait) == (60, 3600, 9)


def test_pauses_double_up_to_the_longest(watch: Callable[..., Watch], context_for: Contexts) -> None:
    made = watch([False] * 5 + [True], poke_interval=2, exponential_backoff=True, max_wait=10)
    made.execute(context_for(made))
    assert made.looked_at == [0, 2, 6, 14, 24, 34]


def test_doubling_for_ever_stays_finite(watch: Callable[..., Watch]) -> None:
    made = watch(poke_interval=1, exponential_backoff=True)
    assert made._pause_after(5000, 0) < float("inf")


@pytest.mark.parametrize("flag", ["soft_fail", "never_fail"])
def test_a_timeout_may_skip_instead(watch: Callable[..., Watch], context_for: Contexts, flag: str) -> None:
    made = watch(timeout=0, **{flag: True})
    with pytest.raises(TaskSkipped, match="timed out"):
        made.execute(context_for(made))


def test_an_exception_fails_the_task_unless_told_otherwise(
    watch: Callable[..., Watch], context_for: Contexts
) -> None:
    plain = watch([ValueError("x")])
    with pytest.raises(ValueError, match="x"):
        plain.execute(context_for(plain))
    soft = watch([ValueError("x")], soft_fail=True)
    with pytest.raises(ValueError, match="x"):
        soft.execute(context_for(soft))
    never = watch([ValueError("x")], never_fail=True)
    with pytest.raises(TaskSkipped, match="never_fail"):
        never.execute(context_for(never))
    silent = watch([ValueError("x"), True], silent_fail=True)
    silent.execute(context_for(silent))
    assert len(silent.looked_at) == 2


def test_a_final_failure_in_poke(watch: Callable[..., Watch], context_for: Contexts) -> None:
    plain = watch([TaskFailure("no use")], silent_fail=True)
    with pytest.raises(TaskFailure):
        plain.execute(context_for(plain))
    soft = watch([TaskFailure("no use")], soft_fail=True)
    with pytest.raises(TaskSkipped, match="no use"):
        soft.execute(context_for(soft))
    skipping = watch([TaskSkipped("not today")], silent_fail=True)
    with pytest.raises(TaskSkipped, match="not today"):
        skipping.execute(context_for(skipping))


def test_reschedule_gives_the_slot_back(watch: Callable[..., Watch], context_for: Contexts, runtime: Any) -> None:
    made = watch(mode="reschedule", poke_interval=30)
    assert made.reschedule
    with pytest.raises(TaskRescheduled) as caught:
        made.execute(context_for(made, start_date=runtime.time))
    assert caught.value.reschedule_date == runtime.time + dt.timedelta(seconds=30)
    assert made.looked_at == [0]


def test_the_timeout_counts_from_the_first_start_over_reschedules(
    watch: Callable[..., Watch], context_for: Contexts, runtime: Any
) -> None:
    made = watch(mode="reschedule", poke_interval=30, timeout=100)
    first_start = runtime.time
    runtime.time += dt.timedelta(seconds=90)
    with pytest.raises(TaskRescheduled) as caught:
        made.execute(context_for(made, start_date=first_start))
    assert caught.value.reschedule_date == first_start + dt.timedelta(seconds=100)
    runtime.time = caught.value.reschedule_date
    with pytest.raises(SensorTimeout):
        made.execute(context_for(made, start_date=first_start))


def test_pauses_double_over_reschedules(watch: Callable[..., Watch], context_for: Contexts, runtime: Any) -> None:
    made = watch(mode="reschedule", poke_interval=10, exponential_backoff=True)
    first_start, pauses = runtime.time, []
    for _ in range(4):
        with pytest.raises(TaskRescheduled) as caught:
            made.execute(context_for(made, start_date=first_start))
        pauses.append((caught.value.reschedule_date - runtime.time).total_seconds())
        runtime.time = caught.value.reschedule_date
    assert pauses == [10, 20, 40, 80]


def test_l006_sensors_in_mode_poke_may_give_their_slot_back(
    watch: Callable[..., Watch], context_for: Contexts, runtime: Any
) -> None:
    """L006, opt-in by a setting; a class that can't be rescheduled keeps its slot."""
    runtime.settings["operators", "poke_holds_slot"] = "false"
    made = watch(poke_interval=30)
    with pytest.raises(TaskRescheduled) as caught:
        made.execute(context_for(made, start_date=runtime.time))
    assert caught.value.reschedule_date == runtime.time + dt.timedelta(seconds=30)

    @poke_mode_only
    class Stubborn(Watch):
        """Can't be rescheduled."""

    with DAG("d"):
        assert not Stubborn(task_id="t").reschedule
    runtime.settings["operators", "poke_holds_slot"] = "maybe"
    with pytest.raises(ConfigError, match=r"\[operators\] poke_holds_slot must be true or false, not 'maybe'"):
        made.execute(context_for(made))
    runtime.settings["operators", "poke_holds_slot"] = "true"
    assert not made.reschedule


def test_rescheduling_is_no_exception_that_code_catches() -> None:
    assert not issubclass(TaskRescheduled, Exception)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "pok"}, "DAG 'd', task 'w': unknown mode 'pok'; did you mean 'poke'?"),
        ({"poke_interval": "5"}, "poke_interval must be a timedelta or a number of seconds, not str: '5'"),
        ({"timeout": None}, "timeout must be a timedelta or a number of seconds, not None"),
        ({"poke_interval": -1}, "poke_interval must be a span of zero or more seconds"),
        ({"soft_fail": True, "never_fail": True}, "soft_fail and never_fail can't both be set"),
        ({"poke_intervall": 5}, "unknown argument 'poke_intervall'; did you mean 'poke_interval'?"),
    ],
)
def test_wrong_arguments_are_named(options: dict[str, Any], words: str) -> None:
    with DAG("d"), pytest.raises(InvalidArgument) as caught:
        Watch(task_id="w", **options)
    assert words in str(caught.value)


def test_poke_mode_only() -> None:
    @poke_mode_only
    class Stubborn(Watch):
        """Can't be rescheduled."""

    with DAG("d", default_args={"poke_interval": 7}):
        assert Stubborn(task_id="ok").poke_interval == 7
        with pytest.raises(InvalidArgument, match="Stubborn works in mode 'poke' only, not 'reschedule'"):
            Stubborn(task_id="no", mode="reschedule")


def test_a_sensor_that_only_defers_needs_no_poke(context_for: Contexts) -> None:
    class Deferring(BaseSensorOperator):
        """Lacks poke, as sensors that defer at once do."""

    with DAG("d"):
        made = Deferring(task_id="t")
    with pytest.raises(NotImplementedError, match="Deferring has no poke"):
        made.execute(context_for(made))


@pytest.mark.parametrize(
    ("flag", "error"), [("soft_fail", TaskSkipped), ("never_fail", TaskSkipped), (None, TriggerFailure)]
)
def test_a_failed_wait(watch: Callable[..., Watch], context_for: Contexts, flag: str | None, error: type) -> None:
    made = watch(**({flag: True} if flag else {}))
    with pytest.raises(error, match="it broke"):
        made.resume_execution("__fail__", {"error": "it broke"}, context_for(made))


def test_a_wait_that_is_over_its_time_is_a_timeout_of_the_sensor(
    watch: Callable[..., Watch], context_for: Contexts
) -> None:
    """And so it is not tried again, as it would not be without deferral."""
    told = {"error": TriggerFailureReason.TRIGGER_TIMEOUT.value, "message": "after 5 s"}
    made = watch()
    with pytest.raises(SensorTimeout, match="after 5 s"):
        made.resume_execution("__fail__", told, context_for(made))
    made = watch(soft_fail=True)
    with pytest.raises(TaskSkipped, match="after 5 s"):
        made.resume_execution("__fail__", told, context_for(made))


class Judge(Watch):
    """Says what it has found of the event."""

    def done(self, event: Any) -> Any:
        """Raise it."""
        raise event


@pytest.mark.parametrize(
    ("flags", "error", "expected"),
    [
        ({"soft_fail": True}, TaskError("the job has failed"), TaskSkipped),
        ({"soft_fail": True}, BideError("the job has failed"), TaskSkipped),
        ({"soft_fail": True}, KeyError("a mistake"), KeyError),
        ({"soft_fail": True}, InvalidArgument("a mistake"), InvalidArgument),
        ({"never_fail": True}, KeyError("a mistake"), TaskSkipped),
        ({}, TaskError("the job has failed"), TaskError),
    ],
)
def test_k17_what_a_deferred_sensor_says_of_its_event_may_be_soft(
    context_for: Contexts, flags: dict[str, bool], error: Exception, expected: type
) -> None:
    """K17: as in Airflow, ``soft_fail`` counts for what the method raises that goes on after the wait."""
    with DAG("d"):
        made = Judge(task_id="t", **flags)
    with pytest.raises(expected):
        made.resume_execution("done", {"event": error}, context_for(made))
