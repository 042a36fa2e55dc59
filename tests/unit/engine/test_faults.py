"""Named fault points: how they are armed, and what they do."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bide.engine import faults
from bide.model.errors import ConfigError


@pytest.fixture(autouse=True)
def _disarm() -> Iterator[None]:
    yield
    faults.arm({})


async def _pass(commit: faults.Commit, written: list[str]) -> None:
    async with faults.around(commit):
        written.append(commit)


def test_parse_reads_point_action_and_hit():
    assert faults.parse("start.before:kill") == ("start.before", "kill", 1)
    assert faults.parse("event.after:kill-runners:3") == ("event.after", "kill-runners", 3)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("start.before", "write POINT:ACTION"),
        ("start.before:kill:1:2", "write POINT:ACTION"),
        ("strat.before:kill", "no fault point 'strat.before'"),
        ("start:kill", "no fault point 'start'"),
        ("start.before:explode", "no action 'explode'"),
        ("start.before:kill:0", "whole number from 1 on, not '0'"),
        ("start.before:kill:x", "whole number from 1 on, not 'x'"),
    ],
)
def test_what_cannot_be_read_is_refused_at_start(text: str, complaint: str):
    with pytest.raises(ConfigError, match=complaint) as caught:
        faults.arm({"BIDE_FAULT": text})
    assert text in str(caught.value)


async def test_nothing_happens_unarmed():
    assert faults.arm({}) is None
    written: list[str] = []
    for commit in faults.COMMITS:
        await _pass(commit, written)
    assert written == list(faults.COMMITS)


async def test_before_comes_before_the_commit_and_after_follows_it():
    written: list[str] = []
    faults.arm({"BIDE_FAULT": "defer.before:raise"})
    with pytest.raises(faults.FaultRaised, match=r"defer\.before"):
        await _pass("defer", written)
    assert written == []

    faults.arm({"BIDE_FAULT": "defer.after:raise"})
    with pytest.raises(faults.FaultRaised, match=r"defer\.after"):
        await _pass("defer", written)
    assert written == ["defer"]


async def test_it_happens_once_at_the_chosen_pass_of_its_own_point():
    written: list[str] = []
    faults.arm({"BIDE_FAULT": "start.before:raise:3"})
    await _pass("start", written)
    await _pass("claim", written)
    await _pass("start", written)
    with pytest.raises(faults.FaultRaised):
        await _pass("start", written)
    await _pass("start", written)
    assert written == ["start", "claim", "start", "start"]


async def test_a_commit_that_fails_has_no_after():
    faults.arm({"BIDE_FAULT": "finish.after:raise"})
    with pytest.raises(ZeroDivisionError):
        async with faults.around("finish"):
            _ = 1 / 0


def test_kill_workers_kills_those_alone_that_were_aimed_at():
    workers = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    runner = subprocess.Popen(["sleep", "60"])
    try:
        faults.aim("workers", lambda: [worker.pid for worker in workers])
        faults.aim("runners", lambda: [runner.pid])
        faults.arm({"BIDE_FAULT": "start.after:kill-workers"})
        faults.reach("start.after")
        assert [worker.wait(10) for worker in workers] == [-signal.SIGKILL] * 2
        assert runner.poll() is None
        # Those that are gone already do no harm.
        faults.arm({"BIDE_FAULT": "start.after:kill-workers"})
        faults.reach("start.after")
    finally:
        for process in [*workers, runner]:
            process.kill()
            process.wait()
        faults.aim("workers", tuple)
        faults.aim("runners", tuple)


@pytest.mark.parametrize("action", ["kill", "kill-all"])
def test_kill_ends_the_engine_where_it_stands(action: str):
    program = (
        "import os, subprocess\n"
        "from bide.engine import faults\n"
        "child = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "faults.aim('template', lambda: [child.pid])\n"
        "faults.arm(os.environ)\n"
        "faults.reach('claim.before')\n"
        "print('went on', flush=True)\n"
    )
    environ = {**os.environ, "BIDE_FAULT": f"claim.before:{action}"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, stdout=subprocess.PIPE, text=True, check=False
    )
    pid, *rest = done.stdout.split()
    assert done.returncode == -signal.SIGKILL
    assert rest == []
    child = int(pid)
    if action == "kill":
        os.kill(child, signal.SIGKILL)
    _wait_for_death(child)


def _wait_for_death(pid: int) -> None:
    """Wait until `pid` is gone, or dead and not yet reaped by its new parent."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        readable, _, _ = select.select([fd], [], [], 10)
        assert readable, f"process {pid} is still running"
    finally:
        os.close(fd)
