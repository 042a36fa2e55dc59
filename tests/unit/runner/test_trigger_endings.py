from __future__ import annotations

import pytest

from bide.model.values import decode
from bide.wire.messages import (
    TriggerEnded,
    TriggerLoad,
)
from tests.unit.runner.trigger_harness import Triggers


def test_the_first_event_ends_the_wait_and_the_trigger_is_cleaned_up(triggers: Triggers) -> None:
    load = triggers.load("Fires", a=[1, None])
    triggers.arm(load)
    assert triggers.event(load) == {"a": [1, None]}
    assert triggers.settle() == 0
    assert triggers.notes() == ["cleanup"]
    log = triggers.project.log(load)
    assert "INFO  stdout - running {'a': [1, None]}" in log
    assert "Trigger fired: TriggerEvent<" in log


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("Ends", "TriggerFailure: Ends.run() ended without yielding an event"),
        ("Raises", "ValueError: no such job"),
        ("Exits", "SystemExit: the code called sys.exit(5)"),
        ("YieldsNonsense", "InvalidArgument: YieldsNonsense must yield a TriggerEvent, not int"),
        ("YieldsSocket", "NotSerializable: event of YieldsSocket['s'] is a socket.socket, which can't be stored; "
         "pass something that names it (an id, a path, a dict) instead"),
        ("NoGenerator", "TypeError: NoGenerator.run() must be an async generator: write 'async def run(self)' with "
         "'yield TriggerEvent(...)' in it"),
    ],
)  # fmt: skip
def test_k04_a_trigger_that_fails_ends_its_own_wait_only(triggers: Triggers, name: str, error: str) -> None:
    """K04"""
    other, load = triggers.load("Waits"), triggers.load(name)
    triggers.arm(other, load)
    assert triggers.error(load) == error
    assert triggers.settle() == 1, "the other one waits on"
    assert triggers.notes().count("cleanup") == 1
    log = triggers.project.log(load)
    assert f"Trigger failed: {error}" in log
    if name == "Raises":
        assert 'raise ValueError("no such job")' in log
        assert "bide/runner" not in log


@pytest.mark.parametrize(
    ("name", "kwargs", "error"),
    [
        ("BadInit", {}, "InvalidArgument: BadInit can't be built: RuntimeError: can't be built"),
        ("NeedsName", {"nom": 1}, "InvalidArgument: NeedsName can't be built again from what serialize() returned: "
         "missing a required argument: 'name' (arguments: nom; NeedsName(name"),
        ("Missing", {}, "InvalidArgument: trigger class 'waits.Missing'"),
        ("no_such_module.Trigger", {}, "InvalidArgument: trigger class 'no_such_module.Trigger' can't be imported: "
         "ModuleNotFoundError: No module named 'no_such_module'"),
        ("datetime.datetime", {}, "InvalidArgument: trigger class 'datetime.datetime' is no trigger: it must "
         "derive from BaseTrigger"),
        ("waits.note", {}, "InvalidArgument: trigger class 'waits.note' is no class but <function note"),
    ],
)  # fmt: skip
def test_k04_a_trigger_that_cannot_start_ends_its_own_wait(
    triggers: Triggers, name: str, kwargs: dict[str, object], error: str
) -> None:
    """K04"""
    load, fine = triggers.load(name, **kwargs), triggers.load("Fires")
    triggers.arm(load, fine)
    assert triggers.error(load).startswith(error)
    assert triggers.event(fine) == {}
    log = triggers.project.log(load)
    assert error in log
    if name == "BadInit":
        assert 'raise RuntimeError("can\'t be built")' in log


def test_a_file_that_is_broken_fails_its_triggers_only(triggers: Triggers) -> None:
    broken = triggers.project.write("broken.py", "1 / 0\n")
    load = triggers.load("broken.Wait")
    load = TriggerLoad(
        **{**{name: getattr(load, name) for name in load.__struct_fields__}, "dag_file": str(broken)}
    )
    fine = triggers.load("Fires")
    triggers.arm(load, fine)
    assert "its DAG file can't be imported: ZeroDivisionError" in triggers.error(load)
    assert triggers.event(fine) == {}


@pytest.mark.parametrize("name", ["BadCleanup", "BadAfterEvent"])
def test_what_fails_after_the_event_is_only_logged(triggers: Triggers, name: str) -> None:
    load = triggers.load(name)
    triggers.arm(load)
    assert triggers.event(load) == "fine"
    assert triggers.settle() == 0
    assert triggers.notes() == ["cleanup"]
    assert "broke" in triggers.project.log(load)


def test_an_ending_event_carries_its_xcoms(triggers: Triggers) -> None:
    load = triggers.load("Succeeds")
    triggers.arm(load)
    outcome = triggers.get(TriggerEnded).outcome
    assert outcome is not None
    assert (outcome.kind, {key: decode(value) for key, value in outcome.xcoms.items()}) == ("success", {"k": [1]})


def test_k05_a_trigger_that_blocks_the_loop_is_named_with_its_stack(triggers: Triggers) -> None:
    """K05, P041"""
    log = triggers.project.logs / "blocks.log"
    log.parent.mkdir()
    log.write_text("")
    load = triggers.load("Blocks", log=str(log), log_path=log)
    triggers.arm(load)
    assert triggers.event(load) == "at last"
    text = log.read_text()
    assert "Blocks of d.t has held up the event loop for 0.2 s" in text
    assert "time.sleep(0.01)" in text


def test_a_trigger_knows_its_task_instance(triggers: Triggers) -> None:
    load = triggers.load("Knows")
    triggers.arm(load)
    assert triggers.event(load) == ["d", "run1", "t", -1, 2]
