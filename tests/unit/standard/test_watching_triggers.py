"""Triggers that watch times, files and answers of services."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bide import EveryTrigger, FileChangeTrigger, HttpChangeTrigger
from bide.authoring.trigger import trigger_kind
from bide.model.errors import InvalidArgument, TaskError
from bide.standard.triggers.file import DirectoryFileDeleteTrigger, FileDeleteTrigger


async def test_every_multiple_of_a_span_has_an_event() -> None:
    trigger = EveryTrigger(dt.timedelta(milliseconds=50))
    stream = trigger.run()
    events = [await anext(stream) for _ in range(3)]
    moments = [event.payload.timestamp() for event in events]
    assert [round(moment / 0.05, 3) % 1 for moment in moments] == [0.0, 0.0, 0.0]
    assert moments == sorted(set(moments))
    assert [event.key for event in events] == [event.payload.isoformat() for event in events]
    assert trigger.serialize()[1] == {"every": 0.05}
    assert trigger_kind(EveryTrigger) == "stream"


@pytest.mark.parametrize("every", [0, -1.0, None])
def test_a_span_has_to_be_one(every: float) -> None:
    with pytest.raises(InvalidArgument, match="EveryTrigger: every must be a"):
        EveryTrigger(every)


async def test_each_file_has_an_event_and_each_change_of_one(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("1")
    trigger = FileChangeTrigger(str(tmp_path / "*.csv"), poke_interval=0.01)
    kept: list[dict[str, list[int]]] = []
    trigger._keep_checkpoint = kept.append  # pyright: ignore[reportPrivateUsage]
    stream = trigger.run()
    async with asyncio.timeout(10):
        (first,) = await anext(stream)
        assert first.payload["path"] == str(tmp_path / "one.csv")
        assert first.payload["size"] == 1 and first.payload["modified"].tzinfo is dt.UTC
        (tmp_path / "two.csv").write_text("22")
        (tmp_path / "two.txt").write_text("22")
        (second,) = await anext(stream)
        assert second.payload["path"] == str(tmp_path / "two.csv")
        (tmp_path / "one.csv").write_text("111")
        (changed,) = await anext(stream)
        assert (changed.payload["path"], changed.payload["size"]) == (str(tmp_path / "one.csv"), 3)
        assert changed.key != first.key
    again = FileChangeTrigger(**trigger.serialize()[1])
    again.checkpoint = kept[-1]
    os.utime(tmp_path / "two.csv", ns=(1, 1))
    async with asyncio.timeout(10):
        events = await anext(again.run())
    assert {event.payload["path"] for event in events} == {str(tmp_path / "one.csv"), str(tmp_path / "two.csv")}, (
        "what was not told of yet, and no more"
    )


async def test_a_file_is_deleted_when_its_event_is_stored(tmp_path: Path) -> None:
    file = tmp_path / "flag"
    stream = FileDeleteTrigger(str(file), poke_interval=dt.timedelta(seconds=0.01)).run()
    file.touch()
    async with asyncio.timeout(10):
        first = await anext(stream)
        assert first.payload is True and file.exists(), "not before that"
        following = asyncio.ensure_future(anext(stream))
        while file.exists():
            await asyncio.sleep(0.01)
        file.write_text("again")
        assert (await following).key != first.key


async def test_a_file_of_a_folder_is_deleted_when_its_event_is_stored(tmp_path: Path) -> None:
    trigger = DirectoryFileDeleteTrigger(directory=str(tmp_path), filename="flag", poke_interval=0.01)
    path, arguments = trigger.serialize()
    assert path == "bide.standard.triggers.file.DirectoryFileDeleteTrigger"
    assert arguments == {"directory": str(tmp_path), "filename": "flag", "poke_interval": 0.01}
    (tmp_path / "other").touch()
    (tmp_path / "flag").touch()
    stream = DirectoryFileDeleteTrigger(**arguments).run()
    async with asyncio.timeout(10):
        assert (await anext(stream)).payload is True
        following = asyncio.ensure_future(anext(stream))
        while (tmp_path / "flag").exists():
            await asyncio.sleep(0.01)
    following.cancel()
    assert (tmp_path / "other").exists()
    with pytest.raises(InvalidArgument, match=r"must be a name alone, not '\.\./flag'"):
        DirectoryFileDeleteTrigger(directory=str(tmp_path), filename="../flag")


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text, asked = self.server.answer, self.server.text, self.headers.get("X-Key")  # type: ignore[attr-defined]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(f"{text} {asked}".encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    made = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    made.answer, made.text = 200, "one"  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


async def test_an_answer_is_an_event(server: ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_port}/orders"
    trigger = HttpChangeTrigger(url, headers={"X-Key": "k"}, poke_interval=dt.timedelta(seconds=5))
    try:
        first, second = await trigger.poll(), await trigger.poll()
        assert first is not None and first == second
        assert first.payload == {"url": url, "etag": None, "text": "one k"}
        server.answer = 503  # type: ignore[attr-defined]
        with pytest.raises(TaskError, match="was answered with 503"):
            await trigger.poll()
    finally:
        await trigger.cleanup()
    assert trigger_kind(HttpChangeTrigger) == "poll"
    assert trigger.interval == 5.0
