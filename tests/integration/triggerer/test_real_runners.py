"""The triggerer with a real store, a real template and real trigger runners."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bide.control.cancel_run import cancel_run
from bide.control.defer_task import defer_task
from bide.engine.template import Template
from bide.engine.triggerer import Triggerer, TriggererSettings
from bide.observe.clock import SystemClock
from bide.observe.leftovers import find_marked
from bide.store import Store, Tx, instances, xcoms
from bide.wire.messages import Defer, WaitSpec
from tests.support.waiting_tasks import WaitingTasks


class World:
    """A triggerer at work, and the tasks that it serves."""

    def __init__(self, store: Store, tasks: WaitingTasks, folder: Path, **settings: Any) -> None:
        self.store = store
        self.tasks = tasks
        self.notes_file = folder / "notes"
        self.store_id = f"test-{os.getpid()}-{id(self)}"
        self.template = Template(store_id=self.store_id, output=folder / "runners.log")
        self.triggerer = Triggerer(
            self.template,
            tasks.control(),
            store.bell,
            SystemClock(),
            session=tasks.session,
            settings=TriggererSettings(**settings),
        )

    async def wait(self, *triggers: str, kind: str = "stream", has_on_kill: bool = False) -> list[str]:
        """Have tasks ``t0``, ``t1``, ... defer, each to the class given; its name is its task's."""
        return await self.tasks.defer(
            *(
                self.spec(trigger, f"t{number}", kind=kind, has_on_kill=has_on_kill)
                for number, trigger in enumerate(triggers)
            )
        )

    def spec(self, trigger: str, name: str, *, kind: str = "stream", has_on_kill: bool = False) -> WaitSpec:
        """A wait for a trigger of that class."""
        kwargs = json.dumps({"notes": str(self.notes_file), "name": name}).encode()
        return WaitSpec(kind, f"waiting_triggers.{trigger}", kwargs, has_on_kill=has_on_kill)  # type: ignore[arg-type]

    def notes(self) -> list[tuple[str, str]]:
        """What triggers have noted: name and word."""
        if not self.notes_file.exists():
            return []
        return [tuple(line.split()[:2]) for line in self.notes_file.read_text().splitlines()]  # type: ignore[misc]

    async def until_states(self, wanted: dict[str, str]) -> None:
        changes = self.store.bell.listen("history", "scheduled", "marks")
        while await self.tasks.states() != wanted:
            assert await changes.wait(20.0), f"not within 20 s: {wanted}; it is {await self.tasks.states()}"

    async def until_noted(self, wanted: set[tuple[str, str]]) -> None:
        await _until(lambda: wanted <= set(self.notes()), f"noted: {wanted}")


async def _until(check: Callable[[], bool], what: str) -> None:
    """Look at what other processes do; there is no event to wait for."""
    try:
        async with asyncio.timeout(20.0):
            while not check():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within 20 s: {what}") from None


Serve = Callable[..., Any]


@pytest.fixture
async def serve(store: Store, tmp_path: Path) -> AsyncIterator[Serve]:
    """Start a triggerer with these settings."""
    shutil.copy(Path(__file__).with_name("waiting_triggers.py"), tmp_path)
    tasks = await WaitingTasks.prepare(store, tmp_path)
    async with AsyncExitStack() as closing:

        async def begin(**settings: Any) -> World:
            world = World(store, tasks, tmp_path, **settings)
            await world.template.start()
            closing.push_async_callback(world.template.stop)
            running = asyncio.create_task(world.triggerer.run())
            closing.push_async_callback(asyncio.wait, [running])
            closing.push_async_callback(world.triggerer.stop, 5.0)
            return world

        yield begin


async def test_events_and_failures_reach_their_tasks_and_every_run_is_cleaned_up(serve: Serve):
    world = await serve()
    await world.wait("AtOnce", "Fails", "AtOnce")
    await world.until_states({"t0": "scheduled", "t1": "failed", "t2": "scheduled"})
    await world.until_noted({("t0", "cleanup"), ("t1", "cleanup"), ("t2", "cleanup")})
    assert await world.tasks.errors() == {"t1": "ValueError: no t1"}


async def test_a_poll_is_looked_at_until_it_has_something(serve: Serve, tmp_path: Path):
    world = await serve()
    kwargs = json.dumps({"path": str(tmp_path / "flag")}).encode()
    (wait_id,) = await world.tasks.defer(WaitSpec("poll", "waiting_triggers.FileThere", kwargs, interval=0.02))
    await _until(lambda: wait_id in world.triggerer.where([wait_id]), "sent to a runner")
    looks: dict[str, float] = {}
    async with asyncio.timeout(20.0):
        while not looks:
            looks = await world.triggerer.next_looks([wait_id])
    assert abs(looks[wait_id] - SystemClock().now().timestamp()) < 5.0
    (tmp_path / "flag").touch()
    await world.until_states({"t0": "scheduled"})


async def test_a_killed_runner_costs_nobody_anything(serve: Serve):
    world = await serve()
    waits = await world.wait("Never", "Never", "Never")
    await world.until_noted({("t0", "run"), ("t1", "run"), ("t2", "run")})
    (pid,) = world.triggerer.pids()
    os.kill(pid, signal.SIGKILL)
    await _until(lambda: world.notes().count(("t0", "run")) == 2, "run again")
    await _until(lambda: len(world.triggerer.where(waits)) == 3, "held again")
    assert pid not in world.triggerer.pids()
    assert set((await world.tasks.states()).values()) == {"deferred"}


async def test_k02_a_stopped_process_is_given_up_and_its_triggers_move(serve: Serve):
    """K02"""
    world = await serve(heartbeat=0.2)
    await world.wait("Never")
    await world.until_noted({("t0", "run")})
    (pid,) = world.triggerer.pids()
    os.kill(pid, signal.SIGSTOP)
    await _until(lambda: world.notes().count(("t0", "run")) == 2, "run again")
    assert pid not in world.triggerer.pids()


async def test_k04_a_trigger_that_crashes_its_process_fails_alone(serve: Serve):
    """K04"""
    world = await serve()
    waits = await world.wait("Never", "Crashes", "Never")
    await world.until_states({"t0": "deferred", "t1": "failed", "t2": "deferred"})
    error = (await world.tasks.errors())["t1"]
    assert "with no other trigger in it" in error
    assert "SIGSEGV" in error
    await _until(lambda: len(world.triggerer.where(waits)) == 2, "the others are held")


async def test_k05_a_trigger_that_blocks_is_reported(serve: Serve, caplog: pytest.LogCaptureFixture):
    """K05"""
    caplog.set_level(logging.WARNING)
    world = await serve()
    await world.wait("Blocks")
    await world.until_states({"t0": "scheduled"})
    await _until(lambda: "a trigger blocked the event loop" in caplog.text, "reported")


async def test_k05_a_class_that_blocks_is_kept_apart_and_the_others_go_on(serve: Serve, tmp_path: Path):
    """K05, K02: named in the log of its task, moved at once, and each of its triggers in a thread."""
    world = await serve(quarantine_after=0.5)
    waits = await world.wait("Never", "BlocksFor", "Never", "BlocksFor")
    names = {"t0", "t1", "t2", "t3"}
    await world.until_noted({(name, "run") for name in names})
    await _until(lambda: len(world.triggerer.where(waits)) == 4, "held again")
    await _until(lambda: len(set(world.triggerer.where(waits).values())) == 2, "two processes")
    for name in ("t3", "t1"):
        (tmp_path / f"go-{name}").touch()
        await world.until_states(await _with(world, name, "scheduled"))
    where = world.triggerer.where(waits)
    assert len(where) == 2
    assert len(set(where.values())) == 1, "the others share a process"
    log = "\n".join(path.read_text() for path in tmp_path.rglob("*.log"))
    assert re.search(r"BlocksFor of waits\.t[13] has held up the event loop", log)
    assert "time.sleep(0.01)" in log
    assert "The trigger gets a thread of its own, because its class has blocked an event loop" in log


async def _with(world: World, name: str, state: str) -> dict[str, str]:
    return {**await world.tasks.states(), name: state}


async def test_k14_changed_code_is_taken_without_a_restart_and_what_waits_goes_on(serve: Serve, tmp_path: Path):
    """K14"""
    world = await serve()
    await world.wait("Never")
    await world.until_noted({("t0", "run")})
    (old,) = world.triggerer.pids()
    code = tmp_path / "waiting_triggers.py"
    old_line, new_line = "yield TriggerEvent(self.name)", "self.note('new'); yield TriggerEvent(1)"
    code.write_text(code.read_text().replace(old_line, new_line))
    await world.tasks.defer(world.spec("AtOnce", "later"), dag_id="later")
    await world.until_noted({("later", "new")})
    assert world.notes().count(("t0", "run")) == 1, "it was left alone"
    assert old in world.triggerer.pids()
    assert len(world.triggerer.pids()) == 2


async def test_k11_a_trigger_reads_xcoms_of_its_run(serve: Serve):
    """K11"""
    world = await serve()
    (waiting,) = await world.tasks.start(1, "waits")

    def put(tx: Tx) -> None:
        row = instances.get(tx, waiting.instance.id)
        assert row is not None
        xcoms.put(tx, [row.xcom("k", b'"value"')])

    await world.store.write(put)
    report = Defer(world.spec("Pulls", "t0"), "resumed", b"{}")
    await defer_task(world.store, waiting.instance.id, waiting.epoch, report)
    await world.until_noted({("t0", "value-value-deferred")})


async def test_p059_a_capacity_that_was_set_is_hard_and_the_rest_stays_unclaimed(serve: Serve, tmp_path: Path):
    """P059, P060: with a reason, until others end."""
    world = await serve(capacity=5)
    waits = await world.wait(*["Waits"] * 12)
    await _until(lambda: len(world.triggerer.where(waits)) == 5 and bool(world.triggerer.shortage), "five are held")
    assert sorted([session is None for session, _ in await world.tasks.leases()]) == [False] * 5 + [True] * 7
    assert world.triggerer.shortage == "the triggerer holds 5 triggers, and its capacity is 5"
    (tmp_path / "go").touch()
    await world.until_states({f"t{number}": "scheduled" for number in range(12)})


async def test_l018_by_default_the_capacity_grows_with_what_waits(serve: Serve):
    """L018"""
    world = await serve(first_capacity=100)
    waits = await world.wait(*["Never"] * 250)
    await _until(lambda: len(world.triggerer.where(waits)) == 250, "all are held")
    assert world.triggerer.shortage == ""


async def test_l019_leases_are_given_back_while_others_still_clean_up(serve: Serve, tmp_path: Path):
    world = await serve()
    await world.wait("Never", "SlowToLeave", "Never")
    await world.until_noted({("t0", "run"), ("t1", "run"), ("t2", "run")})
    rings = world.store.bell.listen("waits")
    stopping = asyncio.create_task(world.triggerer.stop(60.0))
    async with asyncio.timeout(20.0):
        while [session for session, _ in await world.tasks.leases()].count(None) < 2:
            await rings.wait(20.0)
    assert ("t1", "cleanup") not in world.notes()
    (tmp_path / "leave").touch()
    await stopping
    assert [session for session, _ in await world.tasks.leases()] == [None] * 3
    assert world.notes().count(("t1", "cleanup")) == 1


async def test_k01_a_cancelled_run_is_cleaned_up_and_its_external_work_cancelled(serve: Serve):
    """K01"""
    world = await serve()
    await world.wait("Never", "Never", has_on_kill=True)
    await world.until_noted({("t0", "run"), ("t1", "run")})
    await cancel_run(world.store, "waits", await world.tasks.run_id(), by="test")
    await world.until_noted({("t0", "cleanup"), ("t1", "cleanup"), ("t0", "on_kill"), ("t1", "on_kill")})
    await _until(lambda: len(world.notes()) == 6, "each once")


async def test_a_graceful_stop_cleans_up_once_runs_no_on_kill_and_leaves_no_process(serve: Serve):
    world = await serve()
    await world.wait("Never", "Never", has_on_kill=True)
    await world.until_noted({("t0", "run"), ("t1", "run")})
    await world.triggerer.stop(5.0)
    assert sorted(world.notes()) == [(name, word) for name in ("t0", "t1") for word in ("cleanup", "run")]
    assert await world.tasks.leases() == [(None, 2), (None, 2)]
    await world.template.stop()
    assert find_marked(world.store_id) == []


async def test_triggers_by_the_hundred_all_end(serve: Serve):
    world = await serve()
    await world.wait(*["AtOnce"] * 300)
    await world.until_states({f"t{number}": "scheduled" for number in range(300)})
    assert await world.tasks.leases() == []
