"""The client of the template process, with real processes."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from pathlib import Path

import pytest

from bide.engine.template import RunnerExit, Template, TemplateUnavailable
from bide.wire.frames import ChannelClosed
from bide.wire.messages import Stop
from tests.support.commands import PATIENCE
from tests.support.executors import running_template
from tests.support.processes import alive, until_gone


async def test_forks_runners_and_tells_how_they_end(tmp_path: Path):
    async with running_template(tmp_path) as template:
        first, second = await asyncio.gather(template.fork("task", "first"), template.fork("task", "second"))
        assert first.pid != second.pid
        assert alive(first.pid)
        first.channel.send(Stop())
        assert await first.exited == RunnerExit(0)
        os.kill(second.pid, signal.SIGTERM)
        # It exits in good order, unless the signal comes before it listens to it.
        assert (await second.exited).status in (0, -signal.SIGTERM)
        first.channel.close()
        with pytest.raises(ChannelClosed):
            await second.channel.receive()
        second.channel.close()


async def test_a_killed_runner_is_told_by_its_signal(tmp_path: Path):
    async with running_template(tmp_path) as template:
        runner = await template.fork("task", "only")
        os.kill(runner.pid, signal.SIGKILL)
        ended = await runner.exited
        assert ended == RunnerExit(-9)
        assert str(ended) == "died with signal 9 (SIGKILL), maybe out of memory"
        runner.channel.close()


async def test_a_runner_whose_channel_is_closed_exits(tmp_path: Path):
    async with running_template(tmp_path) as template:
        runner = await template.fork("task", "only")
        runner.channel.close()
        assert await runner.exited == RunnerExit(0)


async def test_a_template_that_dies_takes_its_runners_and_comes_back(tmp_path: Path):
    async with running_template(tmp_path) as template:
        runners = [await template.fork("task", f"before-{number}") for number in range(3)]
        first_pid = template.pid
        assert first_pid is not None
        os.kill(first_pid, signal.SIGKILL)
        for runner in runners:
            ended = await runner.exited
            assert ended.with_template
            await until_gone(runner.pid)
            runner.channel.close()
        after = await template.fork("task", "after")
        assert alive(after.pid)
        after.channel.close()
        assert template.pid not in (None, first_pid)


async def test_a_fork_survives_the_death_of_the_template(tmp_path: Path):
    async with running_template(tmp_path) as template:
        assert template.pid is not None
        os.kill(template.pid, signal.SIGSTOP)
        forking = asyncio.create_task(template.fork("task", "patient"))
        await asyncio.sleep(0)
        os.kill(template.pid, signal.SIGKILL)
        runner = await forking
        assert alive(runner.pid)
        runner.channel.close()


async def test_stop_ends_everything(tmp_path: Path):
    async with running_template(tmp_path) as template:
        runner = await template.fork("task", "only")
        pid = template.pid
        assert pid is not None
        await template.stop()
        runner.channel.close()
        await until_gone(runner.pid)
        assert not alive(pid)
        with pytest.raises(TemplateUnavailable, match="stopping"):
            await template.fork("task", "late")


async def test_a_template_that_can_not_start_says_why(tmp_path: Path):
    template = Template(
        store_id="store", output=tmp_path / "runners.log", environment={**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    (tmp_path / "argparse.py").write_text("raise RuntimeError('a broken module in the way')\n")
    await template.start()
    try:
        with pytest.raises(TemplateUnavailable, match="a broken module in the way") as raised:
            await template.fork("task", "any")
        assert "exited with code 1" in str(raised.value)
    finally:
        await template.stop()


async def test_a_fork_right_after_the_template_died_waits_for_the_next_one(tmp_path: Path):
    async with running_template(tmp_path) as template:
        assert template.pid is not None
        os.kill(template.pid, signal.SIGKILL)
        # The loop does not turn meanwhile, so that nobody has seen it die when the fork is asked for.
        handle = os.pidfd_open(template.pid)
        assert select.select([handle], [], [], PATIENCE)[0]
        os.close(handle)
        async with asyncio.timeout(PATIENCE):
            runner = await template.fork("task", "next")
        runner.channel.close()


async def test_stop_during_a_restart_ends(tmp_path: Path):
    async with running_template(tmp_path) as template:
        assert template.pid is not None
        os.kill(template.pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            await template.stop()


def test_exits_are_said_in_words():
    assert str(RunnerExit(3)) == "exited with code 3"
    assert str(RunnerExit(-11)) == "died with signal 11 (SIGSEGV)"
    assert str(RunnerExit(-9, with_template=True)) == "was killed because the template process died"
