"""The engine's socket: other processes ring its bell, listen to it, and ask it what no row says.

A Unix socket that only the owner may open (0600). One JSON object a line in each direction:

    {"ring": ["runs"]}                  → nothing
    {"listen": ["history"]}             → {"rung": ["history", ...]} whenever one of them rings
    {"ask": "next_looks", "of": [...]}  → {"answer": {...}} or {"error": "..."}
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Final, cast

import structlog

from bide.observe import processes
from bide.store import Bell, Topic
from bide.store.bell import TOPICS

log = structlog.get_logger("bide.engine")

#: Bytes of a path that a Unix socket can have on every platform.
_LONGEST_PATH: Final = 100
#: Bytes of one line.
_LONGEST_LINE: Final = 1 << 20
#: The name of a socket in the temporary folder, of one among several engines of a store.
_AMONG_SEVERAL: Final = re.compile(r"(bide-\d+-\w+-)(\d+)\.sock")

Question = Callable[[Any], Awaitable[Any]]


def socket_path(home: Path, store_id: str, pid: int | None = None) -> Path:
    """``engine.sock`` in the state folder, or a file of the user's temporary folder if that path is too long.

    With `pid` that of one among several engines of the store.
    """
    which = "" if pid is None else f"-{pid}"
    path = home / f"engine{which}.sock"
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    return Path(gettempdir()) / f"bide-{os.getuid()}-{store_id}{which}.sock"


class BellSocket:
    """Serves the socket at `path` for `bell`; `questions` are answered by name."""

    def __init__(self, path: Path, bell: Bell, questions: Mapping[str, Question]) -> None:
        self._path = path
        self._bell = bell
        self._questions = questions
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. Called with the engine's lock held, so a file that is there is a dead engine's."""
        self._path.unlink(missing_ok=True)
        _remove_those_of_the_dead(self._path)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=_LONGEST_LINE)
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Close the socket and all its connections."""
        if self._server is None:
            return
        self._server.close()
        for client in list(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        leave: Callable[[], None] | None = None
        try:
            while line := await reader.readline():
                request = _read(line)
                if "ring" in request:
                    self._bell.ring(*_topics(request["ring"]))
                elif "listen" in request:
                    wanted = frozenset(_topics(request["listen"]))
                    if leave is not None:
                        leave()
                    leave = self._bell.relay(_relay(writer, wanted))
                    writer.write(b'{"listening": true}\n')
                else:
                    writer.write(json.dumps(await self._answer(request)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError) as error:
            log.warning("bell_socket_client_failed", error=str(error))
        except asyncio.CancelledError:
            # The engine stops; the client sees its connection end.
            return
        finally:
            if leave is not None:
                leave()
            writer.close()
            self._clients.discard(task)

    async def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        question = self._questions.get(str(request.get("ask")))
        if question is None:
            return {"error": f"no such question: {request.get('ask')!r}"}
        try:
            return {"answer": await question(request.get("of"))}
        except Exception as error:
            # What is asked comes from another process: it may be wrong, and that one has to know.
            log.warning("question_failed", question=request.get("ask"), error=str(error))
            return {"error": f"{type(error).__name__}: {error}"}


def _remove_those_of_the_dead(path: Path) -> None:
    """Sockets in the temporary folder of engines of the same store that were killed.

    A state folder may be shared with other machines, whose processes this one does not know.
    """
    own = _AMONG_SEVERAL.fullmatch(path.name)
    if own is None:
        return
    for other in path.parent.glob(f"{own[1]}*.sock"):
        named = _AMONG_SEVERAL.fullmatch(other.name)
        if named is not None and not processes.is_alive(int(named[2])):
            other.unlink(missing_ok=True)


def _relay(writer: asyncio.StreamWriter, wanted: frozenset[Topic]) -> Callable[[frozenset[Topic]], None]:
    def send(rung: frozenset[Topic]) -> None:
        if not wanted.isdisjoint(rung) and not writer.is_closing():
            writer.write(json.dumps({"rung": sorted(rung & wanted)}).encode() + b"\n")

    return send


def _read(line: bytes) -> Mapping[str, Any]:
    request = json.loads(line)
    if not isinstance(request, dict):
        raise ValueError(f"a request is a JSON object, not {line[:100]!r}")
    return cast("dict[str, Any]", request)


def _topics(names: Any) -> list[Topic]:
    if not isinstance(names, list):
        raise ValueError(f"topics are a list, not {names!r}")
    known = [name for name in cast("list[Any]", names) if isinstance(name, str) and name in TOPICS]
    if len(known) < len(cast("list[Any]", names)):
        raise ValueError(f"no such topics: {names!r}; there are {', '.join(sorted(TOPICS))}")
    return cast("list[Topic]", known)


class EngineClient:
    """Talks to a running engine's socket. Every call fails softly: rows are the truth, this is only faster."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def ring(self, *topics: Topic) -> bool:
        """Ring the engine's bell; False if no engine listens."""
        with suppress(OSError, ValueError):
            _, writer = await asyncio.open_unix_connection(self._path)
            writer.write(json.dumps({"ring": list(topics)}).encode() + b"\n")
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            return True
        return False

    async def ask(self, question: str, of: Any = None) -> Any:
        """The engine's answer, or None if no engine listens or it has none."""
        with suppress(OSError, ValueError):
            reader, writer = await asyncio.open_unix_connection(self._path, limit=_LONGEST_LINE)
            writer.write(json.dumps({"ask": question, "of": of}).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
            writer.close()
            return json.loads(line).get("answer") if line else None
        return None

    async def listen(self, bell: Bell, *topics: Topic) -> None:
        """Ring `bell` whenever the engine's rings, until the connection ends."""
        with suppress(OSError, ValueError):
            reader, writer = await asyncio.open_unix_connection(self._path, limit=_LONGEST_LINE)
            writer.write(json.dumps({"listen": list(topics)}).encode() + b"\n")
            try:
                while line := await reader.readline():
                    bell.ring(*json.loads(line).get("rung", ()), relayed=True)
            finally:
                writer.close()
