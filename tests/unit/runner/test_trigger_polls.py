from __future__ import annotations

import time
from pathlib import Path

from bide.wire.messages import (
    AskLooks,
    Looks,
    Stop,
    TriggerEnded,
)
from tests.unit.runner.harness import Project, TemplateProcess
from tests.unit.runner.trigger_harness import Triggers


def test_a_poll_looks_until_there_is_an_event(triggers: Triggers) -> None:
    load = triggers.load("Poll", interval=0.02, looks=3)
    triggers.arm(load)
    assert triggers.event(load) == 4
    triggers.settle()
    assert triggers.notes() == ["look"] * 4 + ["cleanup"]


def test_k08_errors_of_looks_are_made_good(triggers: Triggers) -> None:
    """K08"""
    load = triggers.load("Poll", interval=0.02, errors=2)
    triggers.arm(load)
    assert triggers.event(load) == 3
    log = triggers.project.log(load)
    assert "A look has failed (1 of 3 in a row are allowed); looking again in 0.04 s: OSError: look 1 failed" in log
    assert "looking again in 0.08 s" in log


def test_too_many_errors_in_a_row_end_the_wait(triggers: Triggers) -> None:
    load = triggers.load("Poll", interval=0.01, errors=9)
    triggers.arm(load)
    assert triggers.error(load) == "OSError: look 3 failed"
    assert "3 looks in a row have failed" in triggers.project.log(load)


def test_k05_a_plain_poll_runs_in_a_thread_and_holds_nobody_up(triggers: Triggers) -> None:
    """K05"""
    slow, fine = triggers.load("PlainPoll", interval=60.0, seconds=1.0), triggers.load("PlainPoll", interval=60.0)
    triggers.arm(slow, fine)
    assert triggers.event(fine) == "plain"
    assert triggers.settle() == 1
    assert "polling in poll" in triggers.project.log(fine), "the log follows into the thread"
    assert triggers.event(slow) == "plain"


def test_a_poll_that_hangs_does_not_keep_the_process(shared: TemplateProcess, project: Project) -> None:
    triggers = Triggers(shared.fork("trigger"), project)
    load = triggers.load("PlainPoll", interval=60.0, seconds=1000)
    triggers.arm(load)
    while not Path(load.log_path).exists():
        triggers.settle()
    triggers.runner.send(Stop())
    assert triggers.runner.exit().status == 0


def test_the_next_look_is_told(triggers: Triggers) -> None:
    poll, stream = triggers.load("Poll", interval=500.0, looks=9), triggers.load("Waits")
    triggers.arm(poll, stream)
    triggers.until_noted("look")
    triggers.settle()
    triggers.runner.send(AskLooks((poll.wait_id, stream.wait_id, "unknown")))
    looks = triggers.get(Looks).next_look
    assert list(looks) == [poll.wait_id]
    assert 490 < looks[poll.wait_id] - time.time() <= 500


def test_k13_what_a_shared_look_says_is_in_all_logs(triggers: Triggers) -> None:
    """K13 K20"""
    loads = [triggers.load("SharedPoll", interval=60.0, group_key="g") for _ in range(3)]
    triggers.arm(*loads)
    for _ in loads:
        assert triggers.get(TriggerEnded).error == ""
    assert triggers.notes() == ["look"]
    for load in loads:
        log = triggers.project.log(load)
        assert log.index("looking\n") < log.index("Trigger fired"), log
