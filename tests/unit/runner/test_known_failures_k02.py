"""A triggerer that looks healthy and runs nothing (K02): here an import that does not end can't make one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bide.wire.messages import ArmStarts, Retiring, StartLoad, TriggerDropped
from tests.unit.runner.conftest import StartTemplate
from tests.unit.runner.harness import Project
from tests.unit.runner.trigger_harness import TRIGGERS, Triggers

HANGS = """
import pathlib, time
deadline = time.monotonic() + 60
while not pathlib.Path(__file__).with_name("go").exists() and time.monotonic() < deadline:
    time.sleep(0.005)
"""


@pytest.fixture
def impatient(start_template: StartTemplate, project: Project) -> Iterator[Triggers]:
    """A runner in which one import may take 0.2 s."""
    runner = start_template(environment={"BIDE__PARSING__TIMEOUT_SEC": "0.2"}).fork("trigger")
    yield Triggers(runner, project)
    runner.sock.close()


def test_k02_an_import_that_does_not_end_fails_its_own_tasks_only(impatient: Triggers) -> None:
    """K02, K04: the others go to a process that can import."""
    impatient.project.dag(TRIGGERS, "more.py")
    impatient.project.write("hangs.py", HANGS)
    waits, fine = impatient.load("Waits"), impatient.load("Fires")
    impatient.arm(waits, fine)
    assert impatient.event(fine) == {}
    hanging = [impatient.load(f"hangs.{name}") for name in ("One", "Two")]
    other = impatient.load("more.Fires")
    impatient.arm(*hanging, other)
    reason = impatient.get(Retiring).reason
    assert reason == "the import of hangs.One has not ended within 0.2 s. It is here:"
    for load in hanging:
        assert impatient.error(load) == f"ImportHangs: {reason}"
        assert "time.sleep(0.005)" in impatient.project.log(load)
    assert impatient.get(TriggerDropped) == TriggerDropped(other.wait_id)
    assert impatient.settle() == 1, "what runs goes on"
    late = impatient.load("more.Fires")
    impatient.arm(late)
    assert isinstance(impatient.get(Retiring), Retiring)
    assert impatient.get(TriggerDropped) == TriggerDropped(late.wait_id)
    impatient.project.write("go", "")


def test_k02_a_dag_file_whose_import_does_not_end_fails_its_starts(impatient: Triggers) -> None:
    """K02"""
    file = impatient.project.write("hangs.py", HANGS)
    start = StartLoad("w1", 1, impatient.project.order(file))
    impatient.runner.send(ArmStarts((start,)))
    impatient.get(Retiring)
    assert impatient.error(impatient.load("Waits", wait_id="w1")).startswith("ImportHangs: the import of ")
    assert "time.sleep(0.005)" in impatient.project.log(start.order)
    impatient.project.write("go", "")


def test_k02_a_slow_import_that_ends_is_waited_for(start_template: StartTemplate, project: Project) -> None:
    """K02: several imports that each take their time are no import that does not end."""
    slow = Triggers(start_template(environment={"BIDE__PARSING__TIMEOUT_SEC": "2"}).fork("trigger"), project)
    for number in range(4):
        text = project.dag(TRIGGERS, f"slow{number}.py")
        text.write_text(text.read_text() + "\ntime.sleep(0.6)\n")
    loads = [slow.load(f"slow{number}.Fires") for number in range(4)]
    slow.arm(*loads)
    for load in loads:
        assert slow.event(load) == {}
    slow.runner.sock.close()
