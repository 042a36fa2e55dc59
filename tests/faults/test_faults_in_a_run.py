"""``bide run`` loses processes, or dies, at each side of each commit; ``--resume`` goes on where it was."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from bide.engine.faults import COMMITS
from tests.faults.bide_process import PATIENCE, Project, until
from tests.faults.conftest import Outcome
from tests.faults.run_history import assert_sound, segments_run

Play = Callable[[str], Outcome]

KILLED_ENGINE = [f"{commit}.{side}:kill:2" for commit in COMMITS for side in ("before", "after")]
KILLED_ALL = [
    "start.after:kill-all:2",
    "defer.after:kill-all:2",
    "event.before:kill-all:2",
    "finish.before:kill-all:2",
]
KILLED_WORKERS = ["start.after:kill-workers:2", "resume.after:kill-workers", "finish.before:kill-workers"]
KILLED_RUNNERS = ["event.before:kill-runners", "defer.after:kill-runners:4"]


@pytest.mark.parametrize("fault", [*KILLED_ENGINE, *KILLED_ALL])
def test_a_run_goes_on_where_its_engine_died(play: Play, fault: str):
    outcome = play(fault)
    project = outcome.project
    assert outcome.code == -signal.SIGKILL, project.output()
    assert outcome.leftovers == [], "processes outlived the engine"
    assert outcome.before.run_state == "running"
    assert outcome.resumed == 0, project.output()
    after, ledger = project.snapshot(), project.ledger()
    assert_sound(after, ledger)
    for task_id in outcome.before.finished():
        lines = [line for line in ledger if line.task_id == task_id]
        assert lines == [line for line in outcome.ledger_before if line.task_id == task_id], "it ran again"
        assert after.tries[task_id] == outcome.before.tries[task_id]
    assert set(after.tries.values()) == {1}, "a dead engine costs no try"
    assert project.lasting_processes() == []


@pytest.mark.parametrize("fault", KILLED_WORKERS)
def test_workers_may_die_at_any_moment(play: Play, fault: str):
    outcome = play(fault)
    project = outcome.project
    assert outcome.code == 0, project.output()
    assert_hit("kill-workers", project.output())
    after = project.snapshot()
    assert_sound(after, project.ledger())
    # One that had not begun its task costs it nothing, nor does one whose result was on its way.
    assert set(after.tries.values()) <= {1, 2}
    assert project.lasting_processes() == []


def test_a_worker_that_dies_at_work_costs_its_task_a_try(project: Project):
    engine = project.start("run", str(project.dag_file), "--conf", project.conf(gate=True))
    try:
        until(lambda: ("child", "execute") in segments_run(project.ledger()), project.output)
        (pid,) = {line.pid for line in project.ledger() if line.task_id == "child"}
        os.kill(pid, signal.SIGKILL)
        until(lambda: segments_run(project.ledger())["child", "execute"] == 2, project.output)
        project.open_gate()
        assert engine.wait(PATIENCE) == 0, project.output()
    finally:
        engine.kill()
        engine.wait()
    after = project.snapshot()
    assert_sound(after, project.ledger())
    assert after.tries == {task_id: 2 if task_id == "child" else 1 for task_id in after.tries}
    assert project.lasting_processes() == []


@pytest.mark.parametrize("fault", KILLED_RUNNERS)
def test_a_trigger_runner_that_dies_costs_nothing(play: Play, fault: str):
    outcome = play(fault)
    project = outcome.project
    assert outcome.code == 0, project.output()
    assert_hit("kill-runners", project.output())
    after, ledger = project.snapshot(), project.ledger()
    assert_sound(after, ledger)
    assert set(after.tries.values()) == {1}
    assert set(segments_run(ledger).values()) == {1}, "something ran twice"
    assert project.lasting_processes() == []


def assert_hit(action: str, output: str) -> None:
    """The fault has happened, to at least one process."""
    assert f"fault {action} happens" in output
    assert "to processes []" not in output
