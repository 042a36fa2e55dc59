"""`bide standalone` as a person uses it: one process, its API, its neighbours."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest

from bide.engine.bell_socket import EngineClient
from bide.store import Bell
from tests.support.commands import Command, Folder

HELLO = """
from bide import DAG, task

with DAG("hello", params={"name": "you"}):
    @task
    def greet(params=None):
        print("hello", params["name"])
        return params["name"]

    greet()
"""

WAITS = """
from bide import DAG, FileSensor

with DAG("waits"):
    FileSensor(task_id="wait", filepath="/no/such/file", poke_interval=30, deferrable=True)
"""


@pytest.fixture
def server(folder: Folder) -> Iterator[Command]:
    """A standalone on a free port, listening."""
    folder.dag("hello", HELLO)
    folder.dag("waits", WAITS)
    with folder.start("standalone", "--port", "0") as command:
        command.read_until("curl -u")
        yield command


def client(folder: Folder, server: Command) -> httpx.AsyncClient:
    found = re.search(r"Bide listens at (\S+):", server.text)
    assert found is not None
    password = (folder.home / "password").read_text().strip()
    return httpx.AsyncClient(base_url=found[1] + "/api/v2", auth=("admin", password))


async def until(folder: Folder, answer: Callable[[], Awaitable[bool]]) -> None:
    """Ask again whenever something has changed in the engine, until the answer is yes."""
    bell = Bell()
    listener = bell.listen("history")
    listening = asyncio.create_task(EngineClient(folder.home / "engine.sock").listen(bell, "history"))
    try:
        async with asyncio.timeout(60):
            while not await answer():
                # What changed before the connection stood is seen by looking again soon.
                await listener.wait(0.5)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_a_run_is_asked_for_and_read_over_http(folder: Folder, server: Command) -> None:
    async with client(folder, server) as api:
        health = (await api.get("/monitor/health", auth=None)).json()
        assert {name: part["status"] for name, part in health.items()} == {
            "metadatabase": "healthy",
            "scheduler": "healthy",
            "triggerer": "healthy",
            "dag_processor": "healthy",
        }
        assert (await api.get("/dags", auth=None)).status_code == 401
        listed = (await api.get("/dags")).json()
        assert [dag["dag_id"] for dag in listed["dags"]] == ["hello", "waits"]
        made = (await api.post("/dags/hello/dagRuns", json={"dag_run_id": "mine", "conf": {"name": "Ada"}})).json()
        # It may have begun before the answer was written.
        assert made["state"] in {"queued", "running"}

        async def ended() -> bool:
            return (await api.get("/dags/hello/dagRuns/mine")).json()["state"] == "success"

        await until(folder, ended)
        instance = (await api.get("/dags/hello/dagRuns/mine/taskInstances/greet")).json()
        assert (instance["state"], instance["try_number"]) == ("success", 1)
        log = await api.get("/dags/hello/dagRuns/mine/taskInstances/greet/logs/1", headers={"Accept": "text/plain"})
        assert "hello Ada" in log.text
        value = await api.get("/dags/hello/dagRuns/mine/taskInstances/greet/xcomEntries/return_value")
        assert value.json()["value"] == "Ada"


async def test_a_wait_shows_when_it_is_looked_at_next_and_where(folder: Folder, server: Command) -> None:
    async with client(folder, server) as api:
        await api.post("/dags/waits/dagRuns", json={"dag_run_id": "mine"})

        async def held() -> bool:
            waits = (await api.get("/waits")).json()["waits"]
            return bool(waits and waits[0]["next_look"])

        await until(folder, held)
        (wait,) = (await api.get("/waits")).json()["waits"]
        assert wait["subject"] == "file /no/such/file"
        assert wait["where"]
    listed = await asyncio.to_thread(folder.run, "waits", "list", "-o", "json")
    (row,) = json.loads(listed.stdout)
    assert row["next_look"][:19] == wait["next_look"][:19]
    assert row["where"].startswith(f"standalone {server.process.pid} on ")


def test_run_hands_over_to_the_engine_that_runs(folder: Folder, server: Command) -> None:
    folder.dag("later", HELLO.replace('"hello"', '"later"'))
    done = folder.run("run", "dags/later.py", "--output", "json")
    assert done.returncode == 0, done.stderr
    assert f"handed over to the engine that runs (bide standalone, process {server.process.pid})" in done.stderr
    assert json.loads(done.stdout)["state"] == "success"
    listed = folder.run("dags", "list", "-o", "json")
    assert [dag["dag_id"] for dag in json.loads(listed.stdout)] == ["hello", "later", "waits"]


def test_ctrl_c_beside_an_engine_cancels_only_the_run(folder: Folder, server: Command) -> None:
    with folder.start("run", "waits") as command:
        command.read_until("wait deferred")
        command.send(signal.SIGINT)
        assert command.wait() == 130
    runs = json.loads(folder.run("runs", "list", "waits", "-o", "json").stdout)
    assert [run["state"] for run in runs] == ["failed"]
    assert server.process.poll() is None


def test_a_run_whose_engine_goes_says_how_to_go_on(folder: Folder, server: Command) -> None:
    with folder.start("run", "waits") as command:
        command.read_until("wait deferred")
        server.send(signal.SIGKILL)
        assert command.wait() == 1
    assert f"the engine (process {server.process.pid}) has stopped" in command.text
    assert "--resume manual__" in command.text


def test_a_second_engine_is_told_who_holds_the_store(folder: Folder, server: Command) -> None:
    second = folder.run("standalone", "--port", "0")
    assert second.returncode == 4
    assert f"process {server.process.pid}" in second.stderr
    assert "BIDE_HOME=FOLDER" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_port_in_use_is_named_with_the_way_out(folder: Folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = folder.run("standalone", "--port", str(port))
    assert done.returncode == 4
    assert f"can't listen at 127.0.0.1 port {port}" in done.stderr
    assert "--port N" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder.home / "bide.db").exists()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_good_order(folder: Folder, server: Command, end: signal.Signals) -> None:
    server.send(end)
    assert server.wait() == 0
    assert server.lines[-1] == "stopped\n"
    assert not (folder.home / "engine.sock").exists()
    checked = json.loads(folder.run("db", "check", "-o", "json").stdout)
    assert checked["problems"] == []
    assert checked["engine"] is None
