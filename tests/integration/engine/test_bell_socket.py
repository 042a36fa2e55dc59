"""The engine's socket, with real connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bide.engine.bell_socket import BellSocket, EngineClient, socket_path
from bide.model.errors import NotFound
from bide.store import Bell

pytestmark = pytest.mark.usefixtures("no_blocking")


async def double(of: Any) -> Any:
    return [one * 2 for one in of]


async def fail(of: Any) -> Any:
    raise NotFound(f"there is no wait {of!r}")


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return socket_path(tmp_path, "test")


@pytest.fixture
async def server(bell: Bell, path: Path) -> AsyncIterator[BellSocket]:
    made = BellSocket(path, bell, {"double": double, "fail": fail})
    await made.start()
    yield made
    await made.stop()


async def connect(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(path)


async def rung(bell: Bell, *topics: Any) -> bool:
    listener = bell.listen(*topics)
    try:
        return await listener.wait(5)
    finally:
        bell.leave(listener)


async def test_another_process_rings_the_bell(server: BellSocket, bell: Bell, path: Path) -> None:
    waiting = asyncio.create_task(rung(bell, "runs"))
    other = bell.listen("marks")
    await asyncio.sleep(0)
    assert await EngineClient(path).ring("runs", "dags")
    assert await waiting
    assert not await other.wait(0)


async def test_a_question_is_answered(server: BellSocket, path: Path) -> None:
    assert await EngineClient(path).ask("double", [1, 2]) == [2, 4]


async def test_only_the_owner_may_open_it(server: BellSocket, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_ISSOCK(path.stat().st_mode)


async def test_a_listener_hears_what_it_asked_for_until_the_engine_stops(
    server: BellSocket, bell: Bell, path: Path
) -> None:
    reader, writer = await connect(path)
    writer.write(b'{"listen": ["history", "runs"]}\n')
    assert json.loads(await reader.readline()) == {"listening": True}
    bell.ring("marks")
    bell.ring("history", "marks")
    assert json.loads(await reader.readline()) == {"rung": ["history"]}
    await server.stop()
    assert await reader.readline() == b""
    writer.close()


async def test_who_listens_again_listens_to_the_new_topics_only(server: BellSocket, bell: Bell, path: Path) -> None:
    reader, writer = await connect(path)
    for topics in (b'["history"]', b'["runs"]'):
        writer.write(b'{"listen": ' + topics + b"}\n")
        await reader.readline()
    bell.ring("history")
    bell.ring("runs")
    assert json.loads(await reader.readline()) == {"rung": ["runs"]}
    writer.close()
    await server.stop()
    bell.ring("runs")  # nobody is left to send it to


async def test_rings_pass_from_one_engine_to_a_follower(server: BellSocket, bell: Bell, path: Path) -> None:
    own = Bell()
    heard = own.listen("history")
    following = asyncio.create_task(EngineClient(path).listen(own, "history"))
    async with asyncio.timeout(5):
        while not await heard.wait(0.01):
            bell.ring("history")
    await server.stop()
    async with asyncio.timeout(5):
        await following


async def test_a_listener_that_goes_away_is_forgotten(server: BellSocket, bell: Bell, path: Path) -> None:
    reader, writer = await connect(path)
    writer.write(b'{"listen": ["history"]}\n')
    await reader.readline()
    writer.transport.abort()
    assert await EngineClient(path).ask("double", [4]) == [8]
    bell.ring("history")
    bell.ring("history")
    assert await EngineClient(path).ask("double", [4]) == [8]


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"5\n",
        b'["ring"]\n',
        b'{"ring": 5}\n',
        b'{"ring": [["runs"]]}\n',
        b'{"ring": ["no such topic"]}\n',
        b'{"listen": "runs"}\n',
        b"\xff\xfe\n",
        b"x" * 2_000_000 + b"\n",
    ],
)
async def test_nonsense_ends_its_own_connection_alone(server: BellSocket, path: Path, line: bytes) -> None:
    reader, writer = await connect(path)
    writer.write(line)
    with contextlib.suppress(ConnectionResetError):  # it may hang up before it has read everything
        assert await reader.readline() == b""
    writer.close()
    assert await EngineClient(path).ask("double", [1]) == [2]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"ask": "unknown"}\n', "no such question: 'unknown'"),
        (b"{}\n", "no such question: None"),
        (b'{"ask": "fail", "of": "w1"}\n', "NotFound: there is no wait 'w1'"),
        (b'{"ask": "double", "of": 5}\n', "TypeError: 'int' object is not iterable"),
    ],
)
async def test_a_question_that_can_not_be_answered(server: BellSocket, path: Path, line: bytes, error: str) -> None:
    reader, writer = await connect(path)
    writer.write(line)
    assert json.loads(await reader.readline()) == {"error": error}
    writer.write(b'{"ask": "double", "of": [3]}\n')
    assert json.loads(await reader.readline()) == {"answer": [6]}
    writer.close()


async def test_a_client_without_an_engine_fails_softly(path: Path) -> None:
    client = EngineClient(path)
    assert not await client.ring("runs")
    assert await client.ask("double", [1]) is None
    await client.listen(Bell(), "runs")


async def test_a_client_of_something_else_fails_softly(path: Path) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\n")
        writer.close()

    other = await asyncio.start_unix_server(babble, path)
    async with other:
        assert await EngineClient(path).ask("double", [1]) is None
        await EngineClient(path).listen(Bell(), "runs")


async def test_the_socket_of_a_dead_engine_is_taken_over(bell: Bell, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert not await EngineClient(path).ring("runs")
    server = BellSocket(path, bell, {})
    await server.start()
    assert await EngineClient(path).ring("runs")
    await server.stop()
    assert not path.exists()
    await server.stop()


def test_a_long_path_moves_to_the_temporary_folder(tmp_path: Path) -> None:
    short, long = tmp_path, tmp_path / ("x" * 100)
    assert socket_path(short, "abc") == short / "engine.sock"
    moved = socket_path(long, "abc")
    assert moved.name == f"bide-{os.getuid()}-abc.sock"
    assert len(os.fsencode(moved)) <= 100


async def test_sockets_of_killed_engines_of_the_store_go(
    tmp_path: Path, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    long = tmp_path / ("x" * 100)
    ended = subprocess.Popen(["true"])
    ended.wait()
    own, killed, of_another = (
        socket_path(long, store_id, pid)
        for store_id, pid in (("abc", os.getpid()), ("abc", ended.pid), ("abd", ended.pid))
    )
    alive = socket_path(long, "abc", os.getppid())
    for path in (killed, of_another, alive):
        path.touch()

    server = BellSocket(own, bell, {})
    await server.start()
    assert set(tmp_path.iterdir()) == {own, of_another, alive}
    await server.stop()
