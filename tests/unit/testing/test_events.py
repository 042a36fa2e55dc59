"""Events that a test gives in place of those of triggers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bide import (
    BaseTrigger,
    SignalTrigger,
    TaskFailedEvent,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
    all_of,
    any_of,
)
from bide.model.errors import InvalidArgument
from bide.testing import RunFailed, RunStuck, in_turn, run_dag
from tests.unit.testing.waiting import waiting_dag


class Outside(BaseTrigger):
    """Must not run in a test."""

    def __init__(self, name: str = "x") -> None:
        super().__init__()
        self.name = name

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Outside", {"name": self.name}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        raise AssertionError("the trigger has run")
        yield TriggerEvent()

    def describe(self) -> str:
        return f"the outside world, {self.name}"


class Further(Outside):
    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Further", {"name": self.name}


@pytest.mark.parametrize("given", [{"a": 1}, [1, 2], None, "text", 7])
def test_a_payload_ends_the_wait(given: Any) -> None:
    result = run_dag(waiting_dag(Outside()), events={"a": given})
    assert result["a"].result == given
    wait = result.assert_waited("a", Outside)
    assert wait.is_given
    assert wait.subject == "the outside world, x"
    assert wait.trigger.__dict__ == {"name": "x"}


def test_an_event_ends_the_wait() -> None:
    assert run_dag(waiting_dag(Outside()), events={"a": TriggerEvent("told")})["a"].result == "told"


@pytest.mark.parametrize(
    ("event", "state"),
    [(TaskSuccessEvent(xcoms={"k": 1}), "success"), (TaskFailedEvent(), "failed"), (TaskSkippedEvent, "skipped")],
)
def test_an_event_can_end_the_task(event: Any, state: str) -> None:
    result = run_dag(waiting_dag(Outside(), ends=True), events={"a": event}, raise_on_failure=False)
    assert result["a"].state == state
    assert result["a"].states[-2:] == ["deferred", state]


@pytest.mark.parametrize("error", [LookupError("as it should"), lambda trigger: LookupError("as it should")])
def test_an_exception_fails_the_wait(error: Any) -> None:
    with pytest.raises(RunFailed, match="LookupError: as it should") as caught:
        run_dag(waiting_dag(Outside()), events={"a": error})
    assert isinstance(caught.value.__cause__, LookupError)


def test_a_function_gets_the_trigger() -> None:
    result = run_dag(waiting_dag(Outside("here")), events={"a": lambda trigger: trigger.name})
    assert result["a"].result == "here"


def test_a_class_stands_for_all_its_triggers_and_a_nearer_one_comes_first() -> None:
    assert run_dag(waiting_dag(Further()), events={Outside: "base"})["a"].result == "base"
    assert run_dag(waiting_dag(Further()), events={Outside: "base", Further: "own"})["a"].result == "own"
    assert run_dag(waiting_dag(Further()), events={"a": "task", Further: "own"})["a"].result == "task"


def test_waits_can_end_in_turn() -> None:
    result = run_dag(waiting_dag(Outside(), times=2), events={"a": in_turn("first", "second")})
    assert result["a"].result == "second"
    assert len(result.waits_of("a")) == 2
    with pytest.raises(RunFailed, match=r"waits for the 3. time, but in_turn\(\) has no more events"):
        run_dag(waiting_dag(Outside(), times=3), events={"a": in_turn("first", "second")})


def test_what_can_not_be_given_fails_the_task() -> None:
    with pytest.raises(RunFailed, match="NotSerializable"):
        run_dag(waiting_dag(Outside()), events={"a": object()})
    with pytest.raises(RunFailed, match="no method_name"):
        run_dag(waiting_dag(Outside(), ends=True), events={"a": 1})


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="has no task 'b'"):
        run_dag(waiting_dag(Outside()), events={"b": 1})
    with pytest.raises(InvalidArgument, match="task id or a trigger class, not 7"):
        run_dag(waiting_dag(Outside()), events={7: 1})


def test_parts_of_a_wait_can_be_given() -> None:
    both = all_of(one=Outside("1"), other=Further("2"))
    result = run_dag(waiting_dag(both), events={Outside: lambda trigger: trigger.name})
    assert result["a"].result == {"one": "1", "other": "2"}
    either = any_of(told=SignalTrigger("go"), seen=Outside())
    assert run_dag(waiting_dag(either), events={Outside: "here"})["a"].result == {"seen": "here"}
    assert run_dag(waiting_dag(either), events={"a": {"told": 1}})["a"].result == {"told": 1}


def test_a_signal_that_nobody_gives_is_told() -> None:
    dag = waiting_dag(SignalTrigger("approved"))
    with pytest.raises(RunStuck, match=r"a waits for .*approved(.|\n)*"):
        run_dag(dag)
    assert run_dag(dag, events={SignalTrigger: "yes"})["a"].result == "yes"


def test_what_was_waited_for_is_named() -> None:
    result = run_dag(waiting_dag(Outside()), events={"a": 1})
    with pytest.raises(AssertionError, match=r"has not waited for 'a file'(.|\n)*the outside world, x \(Outside"):
        result.assert_waited("a", "a file")
    with pytest.raises(AssertionError, match="has not waited for SignalTrigger"):
        result.assert_waited("a", SignalTrigger)
