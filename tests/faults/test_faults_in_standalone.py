"""``bide standalone`` is killed and started again on the same store."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.faults.bide_process import PATIENCE, Project, until
from tests.faults.run_history import assert_sound, segments_run


def _start(project: Project, fault: str = "") -> subprocess.Popen[str]:
    return project.start("standalone", "--port", "0", "--dags", str(project.dag_file.parent), fault=fault)


def _trigger(project: Project, *, gate: bool = False) -> None:
    until(lambda: "Bide listens at" in project.output(), project.output)
    assert project.run("dags", "trigger", "survives", "--conf", project.conf(gate=gate)) == 0, project.output()


def _finish(project: Project, engine: subprocess.Popen[str]) -> None:
    """See the run end, stop the engine, and look at everything."""
    until(lambda: project.snapshot().run_state not in ("queued", "running"), project.output)
    engine.send_signal(signal.SIGTERM)
    assert engine.wait(PATIENCE) == 0, project.output()
    assert_sound(project.snapshot(), project.ledger())
    assert project.lasting_processes() == []


def test_everything_dies_at_once_in_the_middle(project: Project):
    engine = _start(project)
    try:
        _trigger(project, gate=True)
        halfway = {("twice", "halfway"), ("twice_too", "halfway"), ("sleeps", "complete")}
        until(lambda: halfway <= segments_run(project.ledger()).keys(), project.output)
        project.kill_everything(engine)
        acknowledged = project.snapshot().finished()
        ledger = project.ledger()
        project.open_gate()
        engine = _start(project)
        _finish(project, engine)
        assert "first" in acknowledged
        for task_id in acknowledged:
            assert [line for line in project.ledger() if line.task_id == task_id] == [
                line for line in ledger if line.task_id == task_id
            ], "it ran again"
    finally:
        engine.kill()
        engine.wait()


@pytest.mark.parametrize("fault", ["event.after:kill"])
def test_the_engine_dies_alone(project: Project, fault: str):
    engine = _start(project, fault)
    try:
        _trigger(project)
        assert engine.wait(PATIENCE) == -signal.SIGKILL, project.output()
        assert project.lasting_processes() == []
        engine = _start(project)
        _finish(project, engine)
    finally:
        engine.kill()
        engine.wait()
