"""A blocking call in one trigger freezes all of them elsewhere (K05); here it is named, and gets a thread."""

from __future__ import annotations

from pathlib import Path

import pytest

from bide.wire.messages import (
    ArmTriggers,
    DropTriggers,
    LoopBlocked,
    Ping,
    Pong,
    Stop,
    TriggerDropped,
    TriggerEnded,
)
from tests.unit.runner.trigger_harness import TRIGGERS, Triggers

BLOCKING = """
    def until(name):
        path = pathlib.Path(__file__).with_name(name)
        deadline = time.monotonic() + 20
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.005)

    class BlocksUntil(Noted):
        async def run(self):
            note(f"begins in {threading.current_thread().name}")
            until(self.kwargs["file"])
            yield TriggerEvent(self.kwargs["file"])

    class BlocksInTask(Noted):
        async def run(self):
            async def inner():
                until(self.kwargs["file"])
            await asyncio.create_task(inner())
            yield TriggerEvent(1)

    class BlocksInit(Noted):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            until(kwargs["file"])
        async def run(self):
            yield TriggerEvent(1)

    class PollBlocks(PollTrigger):
        def __init__(self, file): self.file = file
        def serialize(self): ...
        async def poll(self):
            until(self.file)
            return TriggerEvent(1)

    class Sleeps(Noted):
        async def run(self):
            note(f"begins in {threading.current_thread().name}")
            try:
                await asyncio.sleep(1000)
            finally:
                note("left")
            yield TriggerEvent(1)
"""


@pytest.fixture
def blocking(triggers: Triggers) -> Triggers:
    """With triggers in the DAG file that block until a file is there."""
    triggers.project.dag(TRIGGERS + BLOCKING, "waits.py")
    return triggers


@pytest.mark.parametrize("name", ["BlocksUntil", "BlocksInTask", "BlocksInit", "PollBlocks"])
def test_k05_who_blocks_the_loop_is_told_while_it_does(blocking: Triggers, name: str) -> None:
    """K05: to the engine, from beside the loop, and in the log of the task with the stack."""
    other = blocking.load("Waits")
    blocking.arm(other)
    blocking.settle()
    load = blocking.load(name, file="go", interval=1.0)
    blocking.arm(load)
    told = blocking.get(LoopBlocked)
    assert (told.wait_id, told.classpath) == (load.wait_id, f"waits.{name}")
    assert told.dag_folder == str(blocking.project.dags)
    if name != "BlocksInit":
        assert told.source == str(blocking.file)
        assert told.stamp == (blocking.file.stat().st_mtime_ns, blocking.file.stat().st_size)
    blocking.project.write("go", "")
    assert blocking.get(TriggerEnded).wait_id == load.wait_id
    log = blocking.project.log(load)
    assert f"{name} of d.t has held up the event loop for 0.2 s" in log
    assert "time.sleep(0.005)" in log
    assert blocking.settle() == 1


def test_k05_in_a_thread_of_its_own_a_trigger_holds_up_nobody(blocking: Triggers) -> None:
    """K05"""
    loads = [blocking.load("BlocksUntil", file=name) for name in ("one", "two")]
    blocking.runner.send(ArmTriggers(tuple(loads), in_threads=True))
    blocking.until_noted("begins in quarantine-1")
    blocking.until_noted("begins in quarantine-2")
    blocking.runner.send(Ping(100))
    assert blocking.get(Pong) == Pong(100, 2), "the loop turns"
    for load, name in zip(loads, ("one", "two"), strict=True):
        blocking.project.write(name, "")
        assert blocking.event(load) == name
        assert "The trigger gets a thread of its own" in blocking.project.log(load)
        assert "Trigger fired" in blocking.project.log(load)
    blocking.until_noted("cleanup", 2)
    assert blocking.settle() == 0


def test_k05_every_kind_of_trigger_and_failure_works_in_a_thread(blocking: Triggers) -> None:
    """K05, K04"""
    blocking.project.write("go", "")
    poll = blocking.load("PollBlocks", file="go", interval=1.0)
    raises, exits, fires = (blocking.load(name) for name in ("Raises", "Exits", "Fires"))
    blocking.runner.send(ArmTriggers((poll, raises, exits, fires), in_threads=True))
    ended = {one.wait_id: one for one in (blocking.get(TriggerEnded) for _ in range(4))}
    assert ended[raises.wait_id].error == "ValueError: no such job"
    assert ended[exits.wait_id].error == "SystemExit: the code called sys.exit(5)"
    assert ended[poll.wait_id].outcome is not None
    assert ended[fires.wait_id].outcome is not None
    blocking.until_noted("cleanup", 3)
    assert blocking.settle() == 0


def test_k05_a_trigger_in_a_thread_is_dropped_and_cleaned_up_there(blocking: Triggers) -> None:
    """K05"""
    load = blocking.load("Sleeps")
    blocking.runner.send(ArmTriggers((load,), in_threads=True))
    blocking.until_noted("begins in quarantine-1")
    blocking.runner.send(DropTriggers((load.wait_id,)))
    assert blocking.get(TriggerDropped) == TriggerDropped(load.wait_id)
    assert blocking.notes()[-2:] == ["left", "cleanup"]


def test_k05_a_trigger_that_blocks_in_its_thread_does_not_keep_the_process(blocking: Triggers) -> None:
    """K05"""
    load = blocking.load("BlocksUntil", file="never")
    blocking.runner.send(ArmTriggers((load,), in_threads=True))
    blocking.until_noted("begins in quarantine-1")
    blocking.runner.send(Stop())
    assert blocking.runner.exit().status == 0


def test_k05_more_triggers_than_threads_share_the_loop_of_their_process(blocking: Triggers) -> None:
    """K05: so that none of them has to wait for the end of another."""
    loads = [blocking.load("Sleeps") for _ in range(66)]
    blocking.runner.send(ArmTriggers(tuple(loads), in_threads=True))
    assert blocking.settle() == 66
    blocking.until_noted("begins in MainThread", 2)
    blocking.until_noted("begins in quarantine-64")
    assert "all of its 64 threads are in use" in blocking.project.log(loads[-1])
    threads = Path(f"/proc/{blocking.runner.pid}/task")
    count = len(list(threads.iterdir()))
    blocking.runner.send(DropTriggers((loads[0].wait_id,)))
    assert blocking.get(TriggerDropped).wait_id == loads[0].wait_id
    while len(list(threads.iterdir())) >= count:
        blocking.settle()
    blocking.settle()
    more = blocking.load("Sleeps")
    blocking.runner.send(ArmTriggers((more,), in_threads=True))
    blocking.until_noted("begins in quarantine-65")
