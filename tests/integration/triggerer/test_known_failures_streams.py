"""K18 and K20, with real trigger runners: streams are shared, and nothing is acknowledged before it is stored."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from bide.store import streams
from bide.store.schema import resume, task_event, task_instance
from bide.wire.messages import WaitSpec
from tests.integration.triggerer.test_real_runners import Serve, World, _until, serve  # noqa: F401


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(Path(__file__).with_name("stream_triggers.py"), tmp_path)
    return tmp_path


def line(text: str, name: str = "Line") -> WaitSpec:
    kwargs = json.dumps({"text": text}).encode()
    return WaitSpec("stream", f"stream_triggers.{name}", kwargs, group_key=f"group of {name}")


def write(folder: Path, *texts: str) -> None:
    with (folder / "topic").open("a") as topic:
        topic.writelines(f"{text}\n" for text in texts)


def read(folder: Path, name: str) -> list[str]:
    path = folder / name
    return path.read_text().splitlines() if path.exists() else []


async def events(world: World) -> dict[str, str]:
    """What tasks go on with, by task."""
    query = sa.select(task_instance.c.task_id, resume.c.event).join(
        task_instance, task_instance.c.uid == resume.c.instance_uid
    )
    rows = await world.store.read(lambda tx: tx.conn.execute(query).all())
    return {task_id: json.loads(event) for task_id, event in rows}


async def times_scheduled(world: World) -> Counter[str]:
    """How often each task was scheduled; the first time is its start."""
    query = (
        sa.select(task_instance.c.task_id)
        .join(task_event, task_event.c.instance_uid == task_instance.c.uid)
        .where(task_event.c.state == "scheduled")
    )
    return Counter(await world.store.read(lambda tx: list(tx.conn.execute(query).scalars())))


async def test_k20_waits_on_one_stream_are_one_consumer(serve: Serve, folder: Path):  # noqa: F811
    """K20"""
    world = await serve()
    await world.tasks.defer(*[line(f"m{number}") for number in range(25)])
    await _until(lambda: len(read(folder, "opened")) == 1, "opened")
    write(folder, "m3", "m24", "m7")
    await _until(lambda: read(folder, "acks") == ["m3", "m24", "m7"], "acknowledged")
    assert await events(world) == {"t3": "m3", "t24": "m24", "t7": "m7"}
    assert read(folder, "opened") == ["from 0"]


async def test_k18_what_was_stored_and_not_acknowledged_comes_again_and_is_no_second_event(
    serve: Serve,  # noqa: F811
    folder: Path,
):
    """K18: the runner dies between the store and the broker."""
    world = await serve()
    await world.tasks.defer(line("m1"), line("never"))
    (folder / "hold").touch()
    write(folder, "m1")
    await _until(lambda: read(folder, "acknowledging") == ["m1"], "about to be acknowledged")
    assert await events(world) == {"t0": "m1"}, "stored before that"
    (pid,) = world.triggerer.pids()
    os.kill(pid, signal.SIGKILL)
    (folder / "hold").unlink()
    await _until(lambda: read(folder, "acks") == ["m1"], "delivered again, and acknowledged")
    assert read(folder, "opened") == ["from 0", "from 0"]
    assert (await times_scheduled(world))["t0"] == 2, "once to begin, and once to go on"


async def test_k18_a_message_of_a_queue_that_comes_again_is_not_given_to_another_wait(
    serve: Serve,  # noqa: F811
    folder: Path,
):
    """K18"""
    world = await serve()
    (folder / "hold").touch()
    write(folder, "m1")
    await world.tasks.defer(line("", "AnyLine"), line("", "AnyLine"))
    await _until(lambda: read(folder, "acknowledging") == ["m1"], "about to be acknowledged")
    (first,) = await events(world)
    (pid,) = world.triggerer.pids()
    os.kill(pid, signal.SIGKILL)
    (folder / "hold").unlink()
    await _until(lambda: read(folder, "acks") == ["m1"], "delivered again, and acknowledged")
    write(folder, "m2")
    await _until(lambda: read(folder, "acks") == ["m1", "m2"], "the next one")
    (second,) = {"t0", "t1"} - {first}
    assert await events(world) == {first: "m1", second: "m2"}


async def test_k18_nothing_is_acknowledged_while_the_store_does_not_answer(
    serve: Serve,  # noqa: F811
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """K18"""
    from bide.engine.triggerer import StoreControl
    from bide.model.errors import StoreUnavailable

    accept, asked = StoreControl.accept_many, []

    async def refuse(self: StoreControl, endings: object) -> set[str]:
        asked.append(endings)
        if len(asked) < 4:
            raise StoreUnavailable("locked")
        assert read(folder, "acknowledging") == []
        return await accept(self, endings)  # type: ignore[arg-type]

    monkeypatch.setattr(StoreControl, "accept_many", refuse)
    world = await serve()
    await world.tasks.defer(line("m1"))
    write(folder, "m1")
    await _until(lambda: read(folder, "acks") == ["m1"], "acknowledged")
    assert await events(world) == {"t0": "m1"}


async def test_a_trigger_goes_on_at_the_checkpoint_in_the_store(serve: Serve, folder: Path):  # noqa: F811
    world = await serve()
    await world.tasks.defer(line("m5"), line("never"))
    write(folder, "m1", "m2", "m3")

    saved: list[bytes] = []
    async with asyncio.timeout(20):
        while saved != [b"3"]:
            rows = await world.store.read(lambda tx: streams.get_checkpoints(tx, ["group of Line"]))
            saved = [row.value for row in rows.values()]
            await asyncio.sleep(0.01)
    (pid,) = world.triggerer.pids()
    os.kill(pid, signal.SIGKILL)
    await _until(lambda: read(folder, "opened") == ["from 0", "from 3"], "read from there on")
    write(folder, "m4", "m5")
    await world.until_states({"t0": "scheduled", "t1": "deferred"})
    await _until(lambda: read(folder, "acks") == ["m1", "m2", "m3", "m4", "m5"], "each once")


async def test_a_trigger_that_runs_by_itself_goes_on_at_its_checkpoint(serve: Serve, folder: Path):  # noqa: F811
    world = await serve()
    (wait_id,) = await world.wait("Counts")
    await world.until_noted({("t0", "from-0"), ("t0", "1"), ("t0", "2")})
    async with asyncio.timeout(20):
        while wait_id not in await world.store.read(lambda tx: streams.get_checkpoints(tx, [wait_id])):
            await asyncio.sleep(0.01)
    (pid,) = world.triggerer.pids()
    os.kill(pid, signal.SIGKILL)
    await world.until_noted({("t0", "from-2")})
    (folder / "go").touch()
    await world.until_states({"t0": "scheduled"})
    assert await events(world) == {"t0": 3}
    assert [word for _, word in world.notes() if word in "123"] == ["1", "2", "3"]
