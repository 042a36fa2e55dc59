from __future__ import annotations

import os
from pathlib import Path

from bide.wire.messages import (
    AskLooks,
    DropTriggers,
    Looks,
    OnKillDone,
    Retiring,
    RunOnKill,
    TriggerDropped,
)
from tests.unit.runner.trigger_harness import TRIGGERS, Triggers


def test_k01_on_kill_is_run_for_an_obligation(triggers: Triggers) -> None:
    """K01"""
    triggers.runner.send(RunOnKill("o1", triggers.load("Kills", job=7)))
    assert triggers.get(OnKillDone) == OnKillDone("o1")
    assert triggers.notes() == ["killed {'job': 7}"]


def test_an_on_kill_that_fails_is_told_with_its_error(triggers: Triggers) -> None:
    load = triggers.load("Kills", broken=True)
    triggers.runner.send(RunOnKill("o1", load))
    assert triggers.get(OnKillDone) == OnKillDone("o1", error="RuntimeError: the service is down")
    assert "the service is down" in triggers.project.log(load)
    triggers.runner.send(RunOnKill("o2", triggers.load("Missing")))
    assert "Missing" in triggers.get(OnKillDone).error


def _told(triggers: Triggers, value: int) -> None:
    """A trigger that tells a value of a module beside its file."""
    text = (
        "from helper import VALUE\n"
        + "class Told(Noted):\n    async def run(self):\n        yield TriggerEvent(VALUE)\n"
    )
    os.utime(triggers.project.write("helper.py", f"VALUE = {value}\n"), (value, value))
    triggers.project.dag(TRIGGERS.replace("\n    ", "\n") + text, "waits.py")


def test_k14_changed_code_is_used_at_once_where_no_trigger_runs(triggers: Triggers) -> None:
    """K14"""
    for value in (1, 2, 3):
        _told(triggers, value)
        load = triggers.load("Told")
        triggers.arm(load)
        assert triggers.event(load) == value
        triggers.until_noted("cleanup", value)


def test_k14_a_process_leaves_changed_code_to_another_and_keeps_what_it_runs(triggers: Triggers) -> None:
    """K14"""
    _told(triggers, 1)
    old, first = triggers.load("Waits"), triggers.load("Told")
    triggers.arm(old, first)
    assert triggers.event(first) == 1
    _told(triggers, 2)
    second = triggers.load("Told")
    triggers.arm(second)
    assert triggers.get(Retiring).reason.endswith(".py has changed")
    assert triggers.get(TriggerDropped) == TriggerDropped(second.wait_id)
    assert triggers.settle() == 1, "what runs is left alone"
    fresh = Triggers(triggers.runner.template.fork("trigger"), triggers.project)
    _told(fresh, 2)
    fresh.arm(second)
    assert fresh.event(second) == 2


def test_k14_a_change_beside_the_dag_folder_is_seen(triggers: Triggers) -> None:
    """K14: what lies on the path, but is not installed."""
    outside = triggers.project.dags.parent / "lib"
    module = triggers.project.write("../lib/outside_helper.py", "VALUE = 1\n")
    text = f"import sys\nsys.path.append({str(outside)!r})\nfrom outside_helper import VALUE\n"
    triggers.project.dag(TRIGGERS, "waits.py")
    triggers.project.write("waits.py", text + triggers.file.read_text())
    load = triggers.load("Fires")
    triggers.arm(load)
    assert triggers.event(load) == {}
    os.utime(module, (1, 1))
    again = triggers.load("Fires")
    triggers.arm(again)
    assert triggers.get(Retiring).reason == f"{module.resolve()} has changed"
    assert triggers.get(TriggerDropped) == TriggerDropped(again.wait_id)


def test_a_class_in_a_module_of_the_folder_is_found(triggers: Triggers) -> None:
    triggers.project.dag(TRIGGERS, "sub/more.py")
    load = triggers.load("sub.more.Fires")
    triggers.arm(load)
    assert triggers.event(load) == {}


def test_a_trigger_that_is_dropped_before_it_is_built_never_runs(triggers: Triggers) -> None:
    load = triggers.load("Waits")
    triggers.arm(load)
    triggers.runner.send(DropTriggers((load.wait_id,)))
    assert triggers.get(TriggerDropped).wait_id == load.wait_id
    assert triggers.settle() == 0
    assert triggers.notes() == []


def test_many_polls_share_one_process_and_one_timer(triggers: Triggers) -> None:
    loads = [triggers.load("QuietPoll", interval=1000.0) for _ in range(2000)]
    triggers.arm(*loads)
    looks: dict[str, float] = {}
    while len(looks) < 2000:
        triggers.runner.send(AskLooks(tuple(load.wait_id for load in loads)))
        looks = triggers.get(Looks).next_look
    threads = list(Path(f"/proc/{triggers.runner.pid}/task").iterdir())
    assert len(threads) == 3, "the loop's, the one that imports, and the one that watches the loop"
