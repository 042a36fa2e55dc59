"""Several schedulers and triggerers on one PostgreSQL store, as processes that are killed, paused and cut off."""

from __future__ import annotations

import contextlib
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bide.config.load import load_config
from bide.engine.membership import store_family
from bide.observe import processes
from bide.observe.leftovers import STORE_VARIABLE
from tests.support.commands import PATIENCE, Command, Folder
from tests.support.postgres import PostgresServer, start_server

DAGS = Path(__file__).parent / "dags"
WAITS = 30


@dataclass
class Parts:
    """A project, its database, and the processes that serve it."""

    folder: Folder
    server: PostgresServer
    url: str
    running: contextlib.ExitStack
    by_pid: dict[int, Command] = field(default_factory=dict[int, Command])

    def start(self, *arguments: str, says: str = " serves ") -> Command:
        """Start a part; returns when it serves."""
        command = self.running.enter_context(self.folder.start(*arguments))
        command.read_until(says)
        self.by_pid[command.pid] = command
        return command

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        with self.server.connect(self.url) as conn:
            cursor = conn.execute(query.encode())
            return [] if cursor.description is None else cursor.fetchall()

    def leases(self) -> dict[int, int]:
        """How many waits each process holds, by its id."""
        query = "SELECT s.pid, count(*) FROM wait w JOIN session s ON s.uid = w.session GROUP BY s.pid"
        return {int(pid): int(number) for pid, number in self.ask(query)}

    def worker_of(self, dag_id: str) -> Command:
        """The scheduler whose worker runs a task of `dag_id`."""
        query = (
            "SELECT s.pid FROM task_instance t JOIN session s ON s.uid = t.session "
            f"WHERE t.dag_id = '{dag_id}' AND t.state = 'running'"
        )
        return self.by_pid[self.ask(query)[0][0]]

    def states(self) -> Counter[str]:
        return Counter(row[0] for row in self.ask("SELECT state FROM task_instance"))

    def journal(self) -> list[str]:
        path = self.folder.path / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def leftovers(self) -> list[str]:
        """Marks of runners of this store whose engine is gone."""
        family = store_family(load_config(self.folder.path, {"BIDE__STORE__URL": self.url}))
        marks = {processes.started_with(pid, STORE_VARIABLE) for pid in processes.all_processes()}
        dead = {pid for pid, one in self.by_pid.items() if one.process.poll() is not None}
        return [one for one in marks if one is not None and one in {f"{family}-{pid}" for pid in dead}]

    def until(self, check: Callable[[], object]) -> None:
        """Look at what other processes do until it is as it should be; there is nothing to wait on."""
        end = time.monotonic() + PATIENCE
        while not check():
            said = "\n".join(f"--- {pid}\n{one.text[-3000:]}" for pid, one in self.by_pid.items())
            assert time.monotonic() < end, f"{self.leases()} {self.states()}\n{said}"
            time.sleep(0.05)

    def open_gate(self) -> None:
        (self.folder.path / "go").touch()


def make_parts(tmp_path: Path, server: PostgresServer, running: contextlib.ExitStack) -> Parts:
    url = server.make()
    folder = Folder(tmp_path / "project", BIDE__STORE__URL=url)
    folder.copy(DAGS / "apart.py")
    return Parts(folder, server, url, running)


@pytest.fixture
def parts(tmp_path: Path, postgres: PostgresServer) -> Iterator[Parts]:
    with contextlib.ExitStack() as running:
        made = make_parts(tmp_path, postgres, running)
        yield made
    postgres.drop(made.url)


def read_dags(parts: Parts) -> None:
    """Have the DAG file read, once."""
    command = parts.start("dag-processor")
    command.read_until("file_parsed")
    command.send(signal.SIGTERM)
    assert command.wait() == 0, command.text


def test_k22_a_scheduler_and_a_triggerer_of_several_are_killed(parts: Parts) -> None:
    """Each wait is held by one triggerer, they share them, and what the dead had is served again."""
    read_dags(parts)
    schedulers = [parts.start("scheduler") for _ in range(2)]
    triggerers = [parts.start("triggerer") for _ in range(3)]
    for dag_id in ("apart", "busy"):
        assert parts.folder.run("dags", "trigger", dag_id).returncode == 0
    parts.until(lambda: sum(parts.leases().values()) == WAITS and parts.states()["running"] == 1)
    held = parts.leases()
    assert 1 < len(held.keys() & {one.pid for one in triggerers}) == len(held), "no triggerer has them all"

    most = max(triggerers, key=lambda one: held.get(one.pid, 0))
    killed = [parts.worker_of("busy"), most]
    for one in killed:
        one.send(signal.SIGKILL)
        one.wait()
    living = {one.pid for one in triggerers if one is not most}
    parts.until(lambda: (now := parts.leases()).keys() <= living and sum(now.values()) == WAITS)
    parts.until(lambda: parts.journal().count("begun") == 2)
    assert parts.worker_of("busy") in [one for one in schedulers if one not in killed]

    parts.open_gate()
    parts.until(lambda: parts.states() == {"success": WAITS + 1})
    resumed = Counter(line for line in parts.journal() if line.startswith("resumed"))
    assert resumed == {f"resumed wait_{number}": 1 for number in range(WAITS)}, "none lost, none resumed twice"
    counts = "SELECT DISTINCT count(*) FROM task_event WHERE state = 'deferred' GROUP BY instance_uid"
    assert parts.ask(counts) == [(1,)]
    assert parts.ask("SELECT try_number, rescues FROM task_instance WHERE dag_id = 'busy'") == [(1, 1)]
    parts.until(lambda: not parts.leftovers())
    health = parts.folder.ask("db", "check")
    assert str(killed[0].pid) not in health["engine"]


def test_k02_a_triggerer_that_was_stopped_for_too_long_is_refused_and_ends(parts: Parts) -> None:
    read_dags(parts)
    parts.start("scheduler")
    stopped = parts.start("triggerer", "--queues", "default")
    assert "queues default" in stopped.text
    assert parts.folder.run("dags", "trigger", "apart").returncode == 0
    parts.until(lambda: parts.leases() == {stopped.pid: WAITS})
    stopped.send(signal.SIGSTOP)
    # Its runners go on looking and find their events, but nobody takes those from them.
    other = parts.start("triggerer")
    parts.until(lambda: parts.leases() == {other.pid: WAITS})
    parts.open_gate()
    parts.until(lambda: parts.states()["success"] == WAITS)
    stopped.send(signal.SIGCONT)
    assert stopped.wait() == 3, stopped.text
    assert "this engine was silent for too long: others have taken over what it had" in stopped.text
    assert len(parts.journal()) == WAITS


def test_who_ends_in_good_order_hands_over_at_once(parts: Parts) -> None:
    read_dags(parts)
    parts.start("scheduler")
    first, second = parts.start("triggerer"), None
    assert parts.folder.run("dags", "trigger", "apart").returncode == 0
    parts.until(lambda: parts.leases() == {first.pid: WAITS})
    second = parts.start("triggerer")
    first.send(signal.SIGTERM)
    assert first.wait() == 0, first.text
    parts.until(lambda: parts.leases() == {second.pid: WAITS})
    assert "engine_lost" not in second.text


def test_k27_waits_whose_queue_nobody_serves_stay(parts: Parts) -> None:
    read_dags(parts)
    parts.start("scheduler")
    parts.start("triggerer", "--queues", "gpu, slow")
    assert parts.folder.run("dags", "trigger", "apart").returncode == 0
    parts.until(lambda: parts.states()["deferred"] == WAITS)
    assert parts.leases() == {}
    served = parts.start("triggerer", "--queues", "default,slow")
    parts.until(lambda: parts.leases() == {served.pid: WAITS})


def test_the_api_server_knows_all_parts(parts: Parts) -> None:
    import httpx  # only here

    api = parts.start("api-server", "--port", "0", says="Bide listens at ")
    base = next(word.rstrip(":") for word in api.text.split() if word.startswith("http://"))

    def health() -> dict[str, str]:
        answer = httpx.get(f"{base}/api/v2/monitor/health").json()
        return {
            name: answer[name]["status"] for name in ("metadatabase", "scheduler", "triggerer", "dag_processor")
        }

    assert health() == {
        "metadatabase": "healthy",
        "scheduler": "unhealthy",
        "triggerer": "unhealthy",
        "dag_processor": "unhealthy",
    }
    parts.start("scheduler")
    killed = parts.start("triggerer")
    assert (health()["scheduler"], health()["triggerer"]) == ("healthy", "healthy")
    killed.send(signal.SIGKILL)
    killed.wait()
    parts.until(lambda: health()["triggerer"] == "unhealthy")
    assert health()["scheduler"] == "healthy"


def test_the_server_restarts_under_all_of_them(tmp_path: Path) -> None:
    """Nothing is lost, nothing is done twice, and nobody is taken for dead."""
    server = start_server(durable=True)
    try:
        with contextlib.ExitStack() as running:
            parts = make_parts(tmp_path, server, running)
            read_dags(parts)
            serving = [parts.start("scheduler"), parts.start("scheduler"), parts.start("triggerer")]
            for dag_id in ("apart", "busy"):
                assert parts.folder.run("dags", "trigger", dag_id).returncode == 0
            parts.until(lambda: sum(parts.leases().values()) == WAITS and parts.states()["running"] == 1)
            before = parts.leases()
            for how in (signal.SIGQUIT, signal.SIGINT):
                server.stop(how)
                server.start()
            # While it is away, tasks end and triggers fire.
            server.stop(signal.SIGQUIT)
            parts.open_gate()
            server.start()
            parts.until(lambda: parts.states() == {"success": WAITS + 1})
            assert parts.journal().count("begun") == 1
            assert Counter(parts.journal()).most_common(1)[0][1] == 1
            assert parts.ask(
                "SELECT count(*) FROM session WHERE ended_at IS NOT NULL AND kind != 'dag-processor'"
            ) == [(0,)]
            assert before.keys() == {serving[2].pid}
            for one in serving:
                one.send(signal.SIGTERM)
            assert [one.wait() for one in serving] == [0, 0, 0], "\n".join(one.text for one in serving)
    finally:
        server.remove()


def test_an_engine_with_another_key_is_refused(parts: Parts) -> None:
    """On another host it would make a key of its own, and fail the tasks of all others."""
    parts.start("triggerer")
    home = str(parts.folder.path / "elsewhere")
    said = parts.folder.refused("scheduler", code=2, BIDE_HOME=home)
    assert "bide triggerer" in said and "give all engines of a store the same keys" in said


def test_commands_on_postgresql(parts: Parts) -> None:
    folder = parts.folder
    assert "run `bide db upgrade`" in folder.refused("runs", "list", code=3)
    made = folder.ask("db", "upgrade")
    assert made == {"store": parts.url, "schema": "0001", "before": None}
    assert folder.ask("db", "upgrade")["before"] == "0001"
    found = folder.ask("db", "check")
    assert found["problems"] == [] and found["engine"] is None and found["bytes"] > 1_000_000
    parts.open_gate()
    # An engine of its own, since there is none.
    run = folder.dag_run("busy")
    assert (run.state, run.result("works")) == ("success", "done")
    (parts.folder.path / "go").unlink()

    parts.start("standalone", "--port", "0", says="Bide listens at ")
    said = folder.run("dags", "trigger", "apart")
    assert "no engine" not in said.stderr, str(said)
    parts.until(lambda: sum(parts.leases().values()) == WAITS)
    waits = folder.ask("waits", "list")
    assert all(row["where"].startswith("standalone ") and "trigger-" in row["where"] for row in waits)
    assert all(row["next_look"] for row in waits)
    assert folder.ask("crypto", "status")[0]["use"] == "encrypts"
    with folder.start("run", "busy") as beside:
        beside.read_until("handed over to the engine that runs (bide standalone")
        parts.open_gate()
        assert beside.wait() == 0, beside.text
    parts.until(lambda: parts.states() == {"success": WAITS + 2})


def test_a_store_of_another_version_is_refused_while_others_may_use_it(parts: Parts) -> None:
    parts.folder.ask("db", "upgrade")
    parts.ask("UPDATE alembic_version SET version_num = '0000'")
    assert "stop all engines of it and run `bide db upgrade`" in parts.folder.refused("scheduler", code=3)


def test_on_sqlite_the_way_out_is_told(folder: Folder) -> None:
    for command in ("scheduler", "triggerer", "dag-processor", "api-server"):
        said = folder.refused(command, code=2)
        assert f"bide {command} runs one part beside others" in said
        assert "run `bide standalone`" in said and "postgresql://USER@HOST/DATABASE" in said


def test_queues_that_name_none_are_refused(folder: Folder) -> None:
    assert "name at least one queue" in folder.refused("triggerer", "--queues", " ,", code=2)
