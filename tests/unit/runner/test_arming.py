from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bide.authoring.composition import all_of, any_of, within
from bide.authoring.deferral import TaskDeferred
from bide.authoring.loading import LoadedFile, load_file
from bide.authoring.operator import BaseOperator
from bide.authoring.trigger import (
    BaseTrigger,
    PollTrigger,
    SignalTrigger,
    TaskSuccessEvent,
    TimerTrigger,
    TriggerEvent,
)
from bide.model.dag_modules import module_name
from bide.model.errors import InvalidArgument, NotSerializable
from bide.model.values import decode
from bide.runner.arming import arm, wait_spec
from bide.runner.failures import described
from bide.runner.resolve import resolve_trigger
from bide.standard.triggers.file import FileTrigger

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


class Base(BaseTrigger):
    """Serialises to what `as_` says, by default to itself."""

    as_: Any = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        self.kwargs = kwargs

    def serialize(self) -> Any:
        return self.as_ or (f"{__name__}.{type(self).__name__}", self.kwargs)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent()


class Killable(Base):
    async def on_kill(self) -> None: ...


class Timer(TimerTrigger):
    def __init__(self, at: Any, payload: Any = None) -> None:
        super().__init__()
        self.at = at
        self.payload = payload

    @property
    def due_at(self) -> dt.datetime:
        return self.at

    def event(self) -> TriggerEvent:
        return TriggerEvent(self.payload) if self.payload != "success" else TaskSuccessEvent(xcoms={"k": 1})

    def serialize(self) -> Any:
        return (f"{__name__}.Timer", {"at": self.at, "payload": self.payload})


class TimerThatRuns(Timer):
    def serialize(self) -> Any:
        return (f"{__name__}.TimerThatRuns", {"at": self.at})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent()


class Poll(PollTrigger):
    def __init__(self, interval: Any = 5) -> None:
        super().__init__()
        self.interval = interval

    async def poll(self) -> TriggerEvent | None: ...

    def serialize(self) -> Any:
        return (f"{__name__}.Poll", {"interval": self.interval})

    def describe(self) -> str:
        return "the job\nand more"


class Outer:
    class Inner(Base):
        def serialize(self) -> Any:
            return (f"{__name__}.Outer.Inner", {})


class Operator(BaseOperator):
    def go_on(self, context: Any, event: Any, a: int = 0) -> None: ...


def no_file() -> LoadedFile:
    raise AssertionError("the DAG file is not needed")


def spec(trigger: BaseTrigger) -> Any:
    return wait_spec(trigger, "/dags/x.py", no_file)


def test_a_stream() -> None:
    wait = spec(Base(a=1))
    assert (wait.kind, wait.classpath, decode(wait.kwargs)) == ("stream", f"{__name__}.Base", {"a": 1})
    assert (wait.due_at, wait.outcome, wait.interval, wait.has_on_kill) == (None, None, None, False)
    assert spec(Killable()).has_on_kill


def test_a_timer_is_evaluated() -> None:
    wait = spec(Timer(NOON, payload={"x": [NOON]}))
    assert (wait.kind, wait.due_at) == ("timer", NOON.timestamp())
    assert wait.outcome.kind == "event"
    assert decode(wait.outcome.payload) == {"x": [NOON]}
    assert "2026-01-01 12:00:00 UTC" in wait.subject


def test_a_timer_may_end_its_task() -> None:
    outcome = spec(Timer(NOON, payload="success")).outcome
    assert (outcome.kind, {key: decode(value) for key, value in outcome.xcoms.items()}) == ("success", {"k": 1})


def test_a_timer_that_overrides_run_is_a_stream() -> None:
    wait = spec(TimerThatRuns(NOON))
    assert (wait.kind, wait.due_at, wait.outcome) == ("stream", None, None)


def test_a_poll_has_its_interval_and_one_line_of_subject() -> None:
    wait = spec(Poll(7))
    assert (wait.kind, wait.interval, wait.subject) == ("poll", 7.0, "the job")
    assert spec(Poll(dt.timedelta(minutes=1))).interval == 60.0


def test_the_class_that_serialize_names_is_the_one_that_counts() -> None:
    """P033"""
    trigger = Base()
    trigger.as_ = (f"{__name__}.Timer", {"at": NOON})
    wait = spec(trigger)
    assert (wait.kind, wait.due_at, wait.classpath) == ("timer", NOON.timestamp(), f"{__name__}.Timer")
    trigger.as_ = (f"{__name__}.Poll", {"interval": 3})
    assert spec(trigger).interval == 3.0


def test_a_class_in_a_class_is_found() -> None:
    assert spec(Outer.Inner()).classpath.endswith("Outer.Inner")


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        (["only"], r"Base.serialize\(\) must return \(class path, dict of arguments\), not a list of 1$"),
        (5, "must return"),
        ((Base, {}), "must return the class path as a string"),
        ((f"{__name__}.Base", [1]), r"must return the arguments as a dict with names as keys, not a list of 1$"),
        (
            (f"{__name__}.Base", {1: "s3cr3t-text", "b": "s3cr3t-text"}),
            r"must return the arguments as a dict with names as keys, not a dict with the keys 1, 'b'$",
        ),
        ((f"{__name__}.Base", {1: 2}), "names as keys"),
        (("Base", {}), "must have its module in front"),
        (("no.such.Trigger", {}), "'no.such.Trigger' can't be imported: ModuleNotFoundError: No module named 'no'"),
        ((f"{__name__}.Missing", {}), "has no 'Missing'"),
        ((f"{__name__}.NOON", {}), "is no class but"),
        ((f"{__name__}.Operator", {}), "is no trigger: it must derive from BaseTrigger"),
        ((f"{__name__}.Timer", {"when": NOON}), "Timer can't be built again .*: missing a required argument: 'at'"),
        ((f"{__name__}.Timer", {"at": NOON, "x": 1}), "got an unexpected keyword argument 'x'"),
        ((f"{__name__}.Timer", {"att": NOON}), r"Timer\(at: .*\); did you mean 'at'\?$"),
        (("no.such.Trigger", {}), r"^Base.serialize\(\) names a class that can't be found: "),
        (("no.such.Trigger", {}), rf"; the class of this trigger is '{__name__}.Base'$"),
    ],
)
def test_what_serialize_returns_is_checked(result: Any, complaint: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.py"
    empty.write_text("")
    trigger = Base()
    trigger.as_ = result
    with pytest.raises(InvalidArgument, match=complaint):
        wait_spec(trigger, str(empty), lambda: load_file(str(empty), str(tmp_path)))


def test_arguments_that_cannot_be_stored_are_named() -> None:
    with pytest.raises(NotSerializable, match=r"arguments of trigger Base\['client'\]\['lock'\] is a"):
        spec(Base(client={"lock": __import__("threading").Lock()}))


@pytest.mark.parametrize("at", [dt.datetime(2026, 1, 1), "noon", None])
def test_a_timer_needs_a_moment_with_a_zone(at: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"Timer\.due_at must be a datetime with a time zone"):
        spec(Timer(at))


@pytest.mark.parametrize("interval", [0, -1, "5", True, float("inf")])
def test_an_interval_must_be_a_span(interval: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"Poll\.interval must be a number of seconds above 0"):
        spec(Poll(interval))


def test_a_description_that_fails_does_not_matter(caplog: pytest.LogCaptureFixture) -> None:
    class Silent(Base):
        def describe(self) -> str:
            raise RuntimeError

    trigger = Silent()
    trigger.as_ = (f"{__name__}.Base", {})
    assert spec(trigger).subject == "Base"


def test_a_deferral_that_cannot_work_is_refused() -> None:
    task = Operator(task_id="t")
    with pytest.raises(InvalidArgument, match="Operator has no method 'go' to be resumed at"):
        arm(TaskDeferred(Base(), "go"), task, "/dags/x.py", no_file)
    with pytest.raises(NotSerializable, match=r"defer\(kwargs=\)\['a'\] is a"):
        arm(TaskDeferred(Base(), "go_on", {"a": object()}), task, "/dags/x.py", no_file)
    defer = arm(TaskDeferred(Base(), "go_on", {"a": 1}, timeout=3), task, "/dags/x.py", no_file)
    assert (defer.method, decode(defer.kwargs), defer.timeout) == ("go_on", {"a": 1}, 3.0)
    assert arm(TaskDeferred(Base()), task, "/dags/x.py", no_file).method is None


@pytest.mark.parametrize(
    "path", ["{mangled}.Mine", "waits.Mine", "elsewhere.Mine", "{mangled}.Outer.Inner", "waits.Outer.Inner"]
)
def test_classes_of_the_dag_file_are_found_by_any_name(path: str, tmp_path: Path) -> None:
    """L032"""
    file = tmp_path / "waits.py"
    file.write_text(
        "from bide.authoring.trigger import BaseTrigger\n"
        "class Mine(BaseTrigger):\n    def serialize(self): ...\n    async def run(self): yield 1\n"
        "class Outer:\n    class Inner(Mine): ...\n"
    )
    loads: list[LoadedFile] = []

    def load() -> LoadedFile:
        if not loads:
            loads.append(load_file(str(file), str(tmp_path)))
        return loads[0]

    cls = resolve_trigger(path.format(mangled=module_name(str(file))), str(file), load)
    assert cls.__qualname__ == path.partition(".")[2]
    assert cls.__module__ == module_name(str(file)), "not a second copy of the module"


def test_messages_have_the_name_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "waits.py"
    file.write_text(
        "from bide import BaseTrigger\n"
        "class Mine(BaseTrigger):\n"
        "    def serialize(self): return ('waits.Yours', {})\n"
        "    async def run(self): yield 1\n"
        "class Oddity(Exception): ...\n"
        "def fail(): raise Oddity('odd')\n"
    )
    loaded = load_file(str(file), str(tmp_path))
    assert loaded.module is not None
    with pytest.raises(InvalidArgument, match=r"the class of this trigger is 'waits\.Mine'$"):
        wait_spec(loaded.module.Mine(), str(file), lambda: loaded)
    with pytest.raises(Exception, match="odd") as raised:
        loaded.module.fail()
    assert described(raised.value).endswith("\nwaits.Oddity: odd")
    assert loaded.module.Mine().log.name == "waits.Mine"


def test_a_signal_is_armed_by_its_name() -> None:
    wait = spec(SignalTrigger("approved"))
    assert (wait.kind, wait.signal, wait.subject) == ("signal", "approved", "signal approved")


def test_waits_made_of_waits_are_armed_as_a_tree() -> None:
    wait = spec(any_of(Base(a=1), within(60, all_of(told=SignalTrigger(), at=Timer(NOON)))))
    assert (wait.kind, wait.needed, [child.name for child in wait.children]) == ("any", 1, ["0", "1"])
    stream, both = wait.children
    assert (stream.kind, decode(stream.kwargs), stream.timeout) == ("stream", {"a": 1}, None)
    assert (both.kind, both.needed, both.timeout) == ("all", 2, 60.0)
    assert [(child.name, child.kind) for child in both.children] == [("told", "signal"), ("at", "timer")]


def test_a_part_that_cannot_be_armed_is_refused() -> None:
    with pytest.raises(NotSerializable, match="arguments of trigger Base"):
        spec(any_of(Base(), Base(client=object())))


def test_k20_equal_polls_are_armed_as_one_group() -> None:
    """K20"""
    one, same = FileTrigger("/a", poke_interval=5.0), FileTrigger("/a", poke_interval=9.0)
    other = FileTrigger("/b", poke_interval=5.0, trigger_queue="gpu")
    keys = [spec(trigger).group_key for trigger in (one, same, other)]
    assert keys[0] == keys[1] != keys[2]
    assert [spec(trigger).queue for trigger in (one, other)] == ["default", "gpu"]


@pytest.mark.parametrize(
    ("name", "value"), [("jitter", 2), ("backoff", 0.5), ("max_interval", 0), ("max_errors", 0)]
)
def test_a_pace_that_can_not_be_is_refused(name: str, value: float) -> None:
    trigger = FileTrigger("/a")
    setattr(trigger, name, value)
    with pytest.raises(InvalidArgument, match=f"FileTrigger.{name} must be"):
        spec(trigger)
