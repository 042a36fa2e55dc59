from __future__ import annotations

from bide.wire.messages import (
    DropTriggers,
    Stop,
    TriggerDropped,
)
from tests.unit.runner.harness import Project, TemplateProcess
from tests.unit.runner.trigger_harness import Triggers


def test_a_dropped_trigger_is_cancelled_cleaned_up_and_told(triggers: Triggers) -> None:
    load = triggers.load("Waits")
    triggers.arm(load)
    triggers.until_noted("waits")
    triggers.runner.send(DropTriggers((load.wait_id, "unknown")))
    dropped = {triggers.get(TriggerDropped).wait_id for _ in range(2)}
    assert dropped == {load.wait_id, "unknown"}
    assert triggers.notes() == ["waits", "left", "cleanup"]
    assert triggers.settle() == 0


def test_a_poll_is_dropped_between_looks(triggers: Triggers) -> None:
    load = triggers.load("Poll", interval=1000.0, looks=100)
    triggers.arm(load)
    triggers.until_noted("look")
    triggers.settle()
    triggers.runner.send(DropTriggers((load.wait_id,)))
    assert triggers.get(TriggerDropped).wait_id == load.wait_id
    assert triggers.notes() == ["look", "cleanup"]


def test_a_trigger_that_swallows_its_cancellation_delivers_nothing(triggers: Triggers) -> None:
    load = triggers.load("Swallows")
    triggers.arm(load)
    triggers.until_noted("begins")
    triggers.runner.send(DropTriggers((load.wait_id,)))
    assert triggers.get(TriggerDropped).wait_id == load.wait_id
    assert triggers.notes() == ["begins", "swallowed", "cleanup"]


def test_a_newer_lease_replaces_the_trigger_and_an_older_one_does_not(triggers: Triggers) -> None:
    load = triggers.load("Waits", token=5)
    triggers.arm(load)
    triggers.until_noted("waits")
    triggers.arm(
        triggers.load("Fires", wait_id=load.wait_id, token=5), triggers.load("Fires", wait_id=load.wait_id, token=4)
    )
    assert triggers.settle() == 1
    assert triggers.notes() == ["waits"]
    newer = triggers.load("Fires", wait_id=load.wait_id, token=6)
    triggers.arm(newer)
    assert triggers.event(newer) == {}
    triggers.settle()
    assert triggers.notes() == ["waits", "left", "cleanup", "cleanup"]


def test_stop_cleans_all_up_and_ends_the_process(shared: TemplateProcess, project: Project) -> None:
    triggers = Triggers(shared.fork("trigger"), project)
    triggers.arm(triggers.load("Waits"), triggers.load("Poll", interval=1000.0, looks=9), triggers.load("Waits"))
    triggers.until_noted("waits", 2)
    triggers.until_noted("look")
    triggers.runner.send(Stop())
    assert triggers.runner.exit().status == 0
    assert triggers.notes().count("cleanup") == 3


def test_the_channels_end_cleans_all_up_too(shared: TemplateProcess, project: Project) -> None:
    triggers = Triggers(shared.fork("trigger"), project)
    triggers.arm(triggers.load("Waits"))
    triggers.until_noted("waits")
    triggers.runner.sock.close()
    assert triggers.runner.exit().status == 0
    assert triggers.notes() == ["waits", "left", "cleanup"]
