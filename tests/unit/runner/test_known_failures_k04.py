"""One bad trigger takes down all others elsewhere (K04); here it fails its own task only.

Each test runs the bad one beside a trigger that waits, in one real process, then asks that process what it holds.
"""

from __future__ import annotations

import pytest

from bide.wire.messages import DropTriggers, OnKillDone, RunOnKill, TriggerDropped
from tests.unit.runner.trigger_harness import TRIGGERS, Triggers

BAD = """
    class Base(Noted):
        async def run(self):
            await asyncio.sleep(0)
            yield TriggerEvent(None)

    class Interrupts(Base):
        async def run(self):
            raise KeyboardInterrupt
            yield

    class RaisesBase(Base):
        async def run(self):
            raise BaseException("from the bottom")
            yield

    class CancelsItself(Base):
        async def run(self):
            raise asyncio.CancelledError("not by anybody")
            yield

    class ClosesItself(Base):
        async def run(self):
            raise GeneratorExit
            yield

    class StopsIteration(Base):
        async def run(self):
            raise StopAsyncIteration
            yield

    class UnspeakableError(Base):
        async def run(self):
            class Bad(Exception):
                def __str__(self): raise RuntimeError("no text")
            raise Bad
            yield

    class PlainGenerator(Base):
        def run(self):
            yield TriggerEvent(1)

    class ReturnsNone(Base):
        def run(self):
            return None

    class RaisesAtOnce(Base):
        def run(self):
            sys.exit("in a plain run()")

    class YieldsClass(Base):
        async def run(self):
            yield TriggerEvent

    class HugeEvent(Base):
        async def run(self):
            yield TriggerEvent("x" * (300 * 2**20))

    class EndsLoop(Base):
        async def run(self):
            asyncio.get_running_loop().stop()
            await asyncio.sleep(0.01)
            raise ValueError("the loop was stopped")
            yield

    class ExitsInTask(Base):
        async def run(self):
            async def leave():
                sys.exit(3)
            inner = asyncio.ensure_future(leave())
            await asyncio.wait([inner])
            raise ValueError("a task inside has exited")
            yield

    class ExitsInCallback(Base):
        async def run(self):
            asyncio.get_running_loop().call_soon(sys.exit, 3)
            await asyncio.sleep(0.01)
            raise ValueError("a callback has exited")
            yield

    class CancelsAll(Base):
        async def run(self):
            for task in asyncio.all_tasks():
                if "serve" in repr(task.get_coro()):
                    task.cancel()
            await asyncio.sleep(0.01)
            raise ValueError("has cancelled what serves")
            yield

    class InitExits(Base):
        def __init__(self, **kwargs):
            sys.exit("in __init__")

    class NoTaskInstance(Base):
        @property
        def task_instance(self): return None

    class ReprExits(Base):
        async def run(self):
            class Payload(dict):
                def __repr__(self): sys.exit("in __repr__")
            yield TriggerEvent(Payload())

    class HangsAfterEvent(Base):
        async def run(self):
            try:
                yield TriggerEvent("fine")
            finally:
                sys.exit("after the event")

    class CleanupExits(Base):
        async def run(self):
            yield TriggerEvent("fine")
        async def cleanup(self):
            note("cleanup")
            sys.exit("in cleanup")

    class CleanupInterrupts(CleanupExits):
        async def cleanup(self):
            note("cleanup")
            raise KeyboardInterrupt

    class WaitsAndExits(CleanupExits):
        async def run(self):
            await asyncio.sleep(1000)
            yield

    class CleanupIsPlain(CleanupExits):
        def cleanup(self):
            note("cleanup")

    class CleanupCancels(CleanupExits):
        async def cleanup(self):
            note("cleanup")
            raise asyncio.CancelledError

    class KillExits(Base):
        async def on_kill(self):
            sys.exit("in on_kill")

    class BadPoll(PollTrigger):
        max_errors = 1
        def __init__(self, **kwargs): pass
        def serialize(self): ...
        async def cleanup(self):
            note("cleanup")

    class PollExits(BadPoll):
        def poll(self):
            sys.exit("in poll")

    class PollStopsIteration(BadPoll):
        def poll(self):
            raise StopIteration

    class PollReturnsTrue(BadPoll):
        async def poll(self):
            return True

    class PollPaceRaises(BadPoll):
        async def poll(self):
            return None
        @property
        def jitter(self):
            raise ValueError("no jitter")

    class PollBudgetRaises(BadPoll):
        async def poll(self):
            raise OSError("away")
        @property
        def max_errors(self):
            raise ValueError("no budget")
"""


@pytest.fixture
def bad(triggers: Triggers) -> Triggers:
    """With the bad ones in the DAG file too."""
    triggers.project.dag(TRIGGERS + BAD, "waits.py")
    return triggers


def check_alone(triggers: Triggers, name: str, error: str) -> str:
    """Run `name` beside another trigger: it fails with `error`, the other waits on. Its log."""
    other, load = triggers.load("Waits"), triggers.load(name, interval=0.01 if "Poll" in name else None)
    triggers.arm(other, load)
    said = triggers.error(load)
    assert said.startswith(error), said
    assert triggers.settle() == 1, "the other one waits on"
    after = triggers.load("Fires")
    triggers.arm(after)
    assert triggers.event(after) == {}, "and the process takes further ones"
    log = triggers.project.log(load)
    assert error in log
    return log


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("Interrupts", "KeyboardInterrupt"),
        ("RaisesBase", "BaseException: from the bottom"),
        ("CancelsItself", "CancelledError: not by anybody"),
        ("ClosesItself", "GeneratorExit"),
        ("StopsIteration", "RuntimeError: async generator raised StopAsyncIteration"),
        ("UnspeakableError", "Bad: (its text can't be shown: RuntimeError in __str__)"),
        ("PlainGenerator", "TypeError: PlainGenerator.run() must be an async generator, not generator"),
        ("ReturnsNone", "TypeError: ReturnsNone.run() must be an async generator, not NoneType"),
        ("RaisesAtOnce", "SystemExit: the code called sys.exit('in a plain run()')"),
        ("YieldsClass", "InvalidArgument: YieldsClass must yield a TriggerEvent, not type"),
        ("HugeEvent", "ProtocolError: a TriggerEnded message of 300.0 MiB is larger than the limit of 256 MiB"),
        ("EndsLoop", "ValueError: the loop was stopped"),
        ("ExitsInTask", "ValueError: a task inside has exited"),
        ("ExitsInCallback", "ValueError: a callback has exited"),
        ("CancelsAll", "ValueError: has cancelled what serves"),
        ("ReprExits", "SystemExit: the code called sys.exit('in __repr__')"),
    ],
)
def test_k04_a_run_that_fails_in_an_unusual_way_fails_its_own_task_only(
    bad: Triggers, name: str, error: str
) -> None:
    """K04"""
    log = check_alone(bad, name, error)
    assert "Trigger failed: " in log
    bad.until_noted("cleanup", 2)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("InitExits", "InvalidArgument: InitExits can't be built: SystemExit: the code called sys.exit("),
        ("NoTaskInstance", "AttributeError: "),
    ],
)  # fmt: skip
def test_k04_a_trigger_that_can_not_even_be_built_fails_its_own_task_only(
    bad: Triggers, name: str, error: str
) -> None:
    """K04"""
    assert "Trigger can't be started: " in check_alone(bad, name, error)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("PollExits", "SystemExit: the code called sys.exit('in poll')"),
        ("PollStopsIteration", "RuntimeError: poll() raised StopIteration"),
        ("PollReturnsTrue", "TypeError: PollReturnsTrue.poll() must return a TriggerEvent or None, not True"),
        ("PollPaceRaises", "ValueError: no jitter"),
        ("PollBudgetRaises", "ValueError: no budget"),
    ],
)
def test_k04_a_poll_that_fails_in_an_unusual_way_fails_its_own_task_only(
    bad: Triggers, name: str, error: str
) -> None:
    """K04"""
    check_alone(bad, name, error)


@pytest.mark.parametrize(
    "name", ["HangsAfterEvent", "CleanupExits", "CleanupInterrupts", "CleanupIsPlain", "CleanupCancels"]
)
def test_k04_what_goes_wrong_after_the_event_ends_nothing(bad: Triggers, name: str) -> None:
    """K04"""
    other, load = bad.load("Waits"), bad.load(name)
    bad.arm(other, load)
    assert bad.event(load) == "fine"
    assert bad.settle() == 1
    bad.until_noted("cleanup")
    log = bad.project.log(load)
    assert "failed" in log
    assert "Trigger failed" not in log


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import sys\nsys.exit('at import')\n", "SystemExit: the code called sys.exit('at import')"),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("def broken(:\n", "SyntaxError: "),
        ("import no_such_library\n", "ModuleNotFoundError: No module named 'no_such_library'"),
    ],
)
def test_k04_a_module_that_can_not_be_imported_fails_its_own_tasks_only(
    bad: Triggers, text: str, error: str
) -> None:
    """K04: with the traceback in the log of the task."""
    bad.project.write("jobs_module.py", text)
    log = check_alone(bad, "jobs_module.Wait", "InvalidArgument: trigger class 'jobs_module.Wait'")
    assert error in log
    assert "jobs_module.py" in log, "the traceback names the file"


def test_k04_a_dag_file_that_exits_fails_its_own_tasks_only(bad: Triggers) -> None:
    """K04"""
    load = bad.load("exits.Wait", dag_file=str(bad.project.write("exits.py", "import sys\nsys.exit(1)\n")))
    other, fine = bad.load("Waits"), bad.load("Fires")
    bad.arm(other, load, fine)
    assert "its DAG file can't be imported: SystemExit" in bad.error(load)
    assert bad.event(fine) == {}
    assert bad.settle() == 1


def test_k04_an_on_kill_that_exits_is_told_and_ends_nothing(bad: Triggers) -> None:
    """K04"""
    bad.arm(bad.load("Waits"))
    bad.runner.send(RunOnKill("o1", bad.load("KillExits")))
    assert bad.get(OnKillDone) == OnKillDone("o1", "SystemExit: the code called sys.exit('in on_kill')")
    assert bad.settle() == 1


def test_k04_a_cleanup_that_exits_while_it_is_dropped_ends_nothing(bad: Triggers) -> None:
    """K04"""
    other, load = bad.load("Waits"), bad.load("WaitsAndExits")
    bad.arm(other, load)
    assert bad.settle() == 2
    bad.runner.send(DropTriggers((load.wait_id,)))
    assert bad.get(TriggerDropped) == TriggerDropped(load.wait_id)
    assert bad.settle() == 1
