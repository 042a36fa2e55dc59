"""Watchers of assets in real trigger runners: each event stored, then acknowledged, and the trigger goes on."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from bide.control.accept_event import WaitEnding
from bide.control.connections import add_connection
from bide.control.pause_dag import pause_dag
from bide.control.register_file import register_file
from bide.control.variables import save_variable
from bide.model.connection_fields import ConnectionFields
from bide.store import watcher_views
from bide.store.schema import asset_event
from bide.store.watcher_views import WatcherView
from bide.wire.messages import FileParsed, WaitSpec
from bide.wire.parser_messages import WatcherSpec
from tests.integration.triggerer.test_known_failures_streams import read, write
from tests.integration.triggerer.test_real_runners import Serve, World, _until, serve  # noqa: F401
from tests.support.dag_specs import dag_spec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("stream_triggers.py", "watching_triggers.py"):
        shutil.copy(Path(__file__).with_name(name), tmp_path)
    return tmp_path


async def watch(world: World, folder: Path, *triggers: WaitSpec, dag_id: str = "watching") -> None:
    """Have the asset ``a`` watched by these, called ``w0``, ``w1``, ..."""
    path = str(folder / f"{dag_id}.py")
    spec = dag_spec(dag_id, file=path)
    watchers = tuple(WatcherSpec(dag_id, "a", "a", f"w{number}", one) for number, one in enumerate(triggers))
    parsed = FileParsed(path, (spec,), (), {}, 0.01, watchers=watchers)
    await register_file(world.store, parsed, folder=str(folder), paused_at_creation=False)


def stream(name: str, **kwargs: str) -> WaitSpec:
    return WaitSpec("stream", f"watching_triggers.{name}", json.dumps(kwargs).encode())


def shared(name: str, text: str = "") -> WaitSpec:
    kwargs = json.dumps({"text": text}).encode()
    return WaitSpec("stream", f"watching_triggers.{name}", kwargs, group_key=f"watchers of {name}")


async def payloads(world: World) -> list[object]:
    query = sa.select(asset_event.c.extra).order_by(asset_event.c.uid)
    extras = await world.store.read(lambda tx: list(tx.conn.execute(query).scalars()))
    return [json.loads(extra)["payload"] for extra in extras]


async def until_seen(world: World, check: Callable[[list[WatcherView]], bool]) -> list[WatcherView]:
    """Wait for what the runners do."""
    async with asyncio.timeout(20.0):
        while not check(found := await world.store.read(watcher_views.list_watchers)):
            await asyncio.sleep(0.01)
    return found


def append(folder: Path, *texts: str) -> None:
    with (folder / "queue").open("a") as queue:
        queue.writelines(f"{text}\n" for text in texts)


async def test_all_events_of_a_stream_are_stored_in_their_order(serve: Serve, folder: Path):  # noqa: F811
    world = await serve()
    append(folder, *(f"m{number}" for number in range(50)))
    await watch(world, folder, stream("Queue"))
    await _until(lambda: len(read(folder, "acks")) == 50, "acknowledged")
    append(folder, "last")
    await _until(lambda: len(read(folder, "acks")) == 51, "acknowledged")
    assert await payloads(world) == [*(f"m{number}" for number in range(50)), "last"]
    assert read(folder, "runs") == ["it"]


def commits_of_events(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets how many events are stored with each commit from now on."""
    numbers: list[int] = []
    control = world.triggerer._endings._control  # pyright: ignore[reportPrivateUsage]
    accept = control.accept_many

    async def counted(endings: Sequence[WaitEnding]) -> set[str]:
        numbers.append(sum(1 + len(one.more) for one in endings))
        return await accept(endings)

    monkeypatch.setattr(control, "accept_many", counted)
    return numbers


async def test_k21_events_of_one_list_are_stored_together(
    serve: Serve,  # noqa: F811
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """K21: a busy queue does not take a commit for each message."""
    world = await serve()
    commits = commits_of_events(world, monkeypatch)
    texts = [f"m{number}" for number in range(450)]
    append(folder, *texts)
    await watch(world, folder, stream("Batches"))
    await _until(lambda: len(read(folder, "acks")) == 450, "acknowledged")
    assert read(folder, "batches") == ["450"], "goes on when all are stored"
    assert await payloads(world) == texts
    assert commits == [200, 200, 50]


async def test_k21_what_a_stream_receives_is_stored_together(
    serve: Serve,  # noqa: F811
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """K21"""
    world = await serve()
    commits = commits_of_events(world, monkeypatch)
    texts = [f"m{number}" for number in range(500)]
    write(folder, *texts)
    await watch(world, folder, shared("EachOnce", "one"))
    await _until(lambda: len(read(folder, "acks")) == 500, "acknowledged")
    assert read(folder, "acks") == texts
    assert await payloads(world) == texts
    assert commits == [200, 200, 100]


async def test_k18_what_was_stored_and_not_acknowledged_is_stored_once(serve: Serve, folder: Path):  # noqa: F811
    """K18: the runner dies between the store and the queue."""
    world = await serve()
    (folder / "hold").touch()
    append(folder, "m1")
    await watch(world, folder, stream("Queue"))
    await _until(lambda: read(folder, "acknowledging") == ["m1"], "about to be acknowledged")
    assert await payloads(world) == ["m1"], "stored before that"
    (pid,) = world.triggerer.pids()
    os.kill(pid, signal.SIGKILL)
    (folder / "hold").unlink()
    append(folder, "m2")
    await _until(lambda: read(folder, "acks") == ["m1", "m2"], "delivered again, and acknowledged")
    assert await payloads(world) == ["m1", "m2"]
    (view,) = await world.store.read(watcher_views.list_watchers)
    assert (view.watched.watcher.events, view.watched.watcher.duplicates) == (2, 1)


async def test_k18_watchers_share_a_consumer_which_acknowledges_what_is_stored(
    serve: Serve,  # noqa: F811
    folder: Path,
):
    """K18"""
    world = await serve()
    await watch(world, folder, shared("EveryLine", "a"), shared("EveryLine", "b"), shared("EveryLine"))
    await _until(lambda: read(folder, "opened") == ["from 0"], "one consumer")
    write(folder, "a1", "b1", "c1", "a1", "b2")
    await _until(lambda: read(folder, "acks") == ["a1", "b1", "c1", "a1", "b2"], "acknowledged")
    assert sorted(map(str, await payloads(world))) == sorted(["a1", "a1", "b1", "b2", "a1", "b1", "c1", "a1", "b2"])
    (pid,) = world.triggerer.pids()
    os.kill(pid, signal.SIGKILL)
    await _until(lambda: len(read(folder, "opened")) == 2, "read again")
    write(folder, "c2")
    await _until(lambda: read(folder, "acks")[-1] == "c2", "goes on")
    assert len(await payloads(world)) == 10, "what was stored is not stored again"


async def test_k18_each_message_of_a_queue_is_one_event_of_one_watcher(serve: Serve, folder: Path):  # noqa: F811
    """K18"""
    world = await serve()
    await watch(world, folder, shared("EachOnce", "one"), shared("EachOnce", "two"))
    texts = [f"m{number}" for number in range(20)]
    write(folder, *texts)
    await _until(lambda: sorted(read(folder, "acks")) == sorted(texts), "acknowledged")
    assert sorted(map(str, await payloads(world))) == sorted(texts)


async def test_a_trigger_that_ends_after_its_event_runs_again(serve: Serve, folder: Path):  # noqa: F811
    world = await serve()
    await watch(world, folder, stream("Once"))
    append(folder, "x", "x", "x")
    await _until(lambda: len(read(folder, "acks")) == 3, "three times")
    await until_seen(world, lambda found: found[0].watched.watcher.events == 3)
    assert await payloads(world) == [True, True, True]


async def test_a_trigger_is_cleaned_up_before_it_runs_again(serve: Serve, folder: Path):  # noqa: F811
    world = await serve()
    await watch(world, folder, stream("Slow"))
    append(folder, "x", "x")
    await until_seen(world, lambda found: found[0].watched.watcher.events == 2)
    await _until(lambda: read(folder, "turns").count("begins") == 3, "begun for the third time")
    assert read(folder, "turns") == ["begins", "ends", "is over"] * 2 + ["begins"]


async def test_a_poll_has_an_event_when_what_it_finds_changes(serve: Serve, folder: Path):  # noqa: F811
    world = await serve()
    await watch(world, folder, WaitSpec("poll", "watching_triggers.Flag", b"{}", interval=0.02))

    async def looks(more: int) -> None:
        number = len(read(folder, "looks")) + more
        await _until(lambda: len(read(folder, "looks")) >= number, "looked")

    await looks(3)
    for events in (1, 2):
        (folder / "flag").touch()
        await looks(5)
        assert await payloads(world) == [True] * events, "one event, however often it is seen"
        (pid,) = world.triggerer.pids()
        os.kill(pid, signal.SIGKILL)
        await looks(5)
        assert await payloads(world) == [True] * events, "nor is it new to another process"
        (folder / "flag").unlink()
        await looks(5)


async def test_a_watcher_that_fails_says_why_and_runs_again(serve: Serve, folder: Path):  # noqa: F811
    world = await serve()
    await watch(world, folder, stream("Fails"))
    (view,) = await until_seen(world, lambda found: bool(found[0].watched.watcher.error))
    assert (view.state, view.watched.watcher.error) == ("failed", "OSError: no broker")
    log = (folder / "logs" / "@asset_watchers" / "a" / "w0.log").read_text()
    assert "OSError: no broker" in log and "raise OSError" in log


async def test_pausing_the_dag_stops_its_watcher(serve: Serve, folder: Path):  # noqa: F811
    world = await serve()
    await watch(world, folder, stream("Queue"))
    await _until(lambda: read(folder, "runs") == ["it"], "runs")
    await pause_dag(world.store, "watching", True, by="test")
    await _until(lambda: read(folder, "cleanups") == ["it"], "stopped and cleaned up")
    append(folder, "m1")
    await pause_dag(world.store, "watching", False, by="test")
    await _until(lambda: read(folder, "acks") == ["m1"], "goes on")
    assert read(folder, "runs") == ["it", "it"]
    assert await payloads(world) == ["m1"]


async def test_k05_a_watcher_that_blocks_goes_on_in_a_thread(serve: Serve, folder: Path):  # noqa: F811
    """K05: each of its events is stored there, too."""
    world = await serve(quarantine_after=0.5)
    await watch(world, folder, stream("Blocks"))
    await _until(lambda: len(read(folder, "acks")) >= 3, "three events")
    assert await payloads(world) == [0, 1, 2]
    assert read(folder, "acks")[-1] == "2 False", "in a thread"
    log = (folder / "logs" / "@asset_watchers" / "a" / "w0.log").read_text()
    assert re.search(r"Blocks, which watches an asset, has held up the event loop", log)


async def test_a_watcher_may_ask_for_variables_and_connections(serve: Serve, folder: Path):  # noqa: F811
    world = await serve()
    await save_variable(world.store, "topic", "orders", by="test")
    await add_connection(world.store, "broker", ConnectionFields(conn_type="kafka", host="kafka.local"), by="test")
    await watch(world, folder, stream("Asks"))
    await until_seen(world, lambda found: found[0].watched.watcher.events == 1)
    assert await payloads(world) == [["orders", "kafka.local"]]
