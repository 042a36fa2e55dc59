"""What encryption gets wrong elsewhere: K28, and promise P043, with real processes."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bide.model.sealed import fingerprint
from bide.store import Keyring, Store
from bide.store.schema import metadata
from tests.support.clock import HeldClock
from tests.support.commands import Command, Folder
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, event, timer
from tests.support.keys import KEY, OTHER_KEY

DAG_FILE = Path(__file__).parent / "dags" / "secrets_in_waits.py"
TEXT = b"s3cr3t-text"
VARIABLE = "BIDE__CORE__FERNET_KEY"
#: The text as base64 shows it, wherever in a value it begins.
ENCODED = {base64.b64encode(b"x" * shift + TEXT)[4:-4] for shift in range(3)}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "project")
    made.copy(DAG_FILE)
    (made.dags / "notes").touch()
    return made


@contextmanager
def serving(folder: Folder, **variables: str) -> Iterator[Command]:
    with folder.start("standalone", "--port", "0", **variables) as server:
        server.read_until("curl -u")
        yield server


@contextmanager
def noting(folder: Folder) -> Iterator[Command]:
    """What tasks and triggers note, as it comes."""
    with Command(["tail", "-n", "+1", "-f", str(folder.dags / "notes")], folder.path, {}) as notes:
        yield notes


def cells(folder: Folder) -> Iterator[tuple[str, Any]]:
    """Every value in the database."""
    with closing(sqlite3.connect(f"file:{folder.store}?mode=ro", uri=True)) as connection:
        for table in metadata.tables:
            for row in connection.execute(f"SELECT * FROM {table}"):
                yield from ((table, value) for value in row)


def assert_hidden(folder: Folder, *tables: str) -> None:
    """`tables` have rows, and the secret stands neither in a row nor anywhere in the database's files."""
    found = list(cells(folder))
    assert {table for table, _ in found} >= set(tables)
    for table, value in found:
        shown = value if isinstance(value, bytes) else str(value).encode()
        assert not any(text in shown for text in (TEXT, *ENCODED)), (table, value)
    for path in folder.home.glob("bide.db*"):
        data = path.read_bytes()
        assert not any(text in data for text in (TEXT, *ENCODED)), path


def test_k28_a_secret_in_a_wait_is_nowhere_in_the_database(folder: Folder) -> None:
    """K28, P043: arguments, events and cancel obligations are encrypted; the trigger gets them."""
    with serving(folder) as server, noting(folder) as notes:
        assert folder.run("dags", "trigger", "secrets", "--run-id", "one").returncode == 0
        assert folder.run("dags", "trigger", "hour", "--run-id", "two").returncode == 0
        notes.read_all("vault looks", "job looks")
        assert_hidden(folder, "wait")
        (folder.dags / "go-vault").touch()
        notes.read_until("vault resumed")
        assert_hidden(folder, "wait", "resume")
        assert folder.run("runs", "cancel", "hour", "two").returncode == 0
        notes.read_until("job can't be cancelled")
        assert_hidden(folder, "resume", "cancel_obligation")
        (folder.dags / "end-vault").touch()
        with folder.start("tasks", "logs", "secrets", "vault", "-f") as log:
            assert log.wait() == 0
        server.send(signal.SIGTERM)
        assert server.wait() == 0
    assert_hidden(folder, "xcom", "cancel_obligation")
    shown = folder.ask("tasks", "show", "secrets", "vault")
    # The method has compared what it got, and nobody was told a key.
    assert (shown["state"], shown["xcom"]["return_value"]) == ("success", [])
    key = (folder.home / "keys" / "fernet.key").read_text().strip()
    for path in [*(folder.home / "logs").rglob("*.log"), *folder.home.glob("*.log")]:
        assert key not in path.read_text(), path


def test_k28_runners_get_no_key_by_their_environment(folder: Folder) -> None:
    """K28: not in workers, trigger runners or parsers."""
    for name in ("go-vault", "end-vault"):
        (folder.dags / name).touch()
    url = f"sqlite:///{folder.home}/elsewhere.db"
    given = {VARIABLE: KEY, "AIRFLOW__CORE__FERNET_KEY": KEY, "BIDE__STORE__URL": url}
    run = folder.dag_run("dags/secrets_in_waits.py", "--dag", "secrets", **given)
    assert run.result("vault") == []
    assert (folder.home / "elsewhere.db").exists()
    assert not (folder.home / "keys").exists()
    shown = (
        folder.run("config", "show", **given).stdout + folder.run("config", "show", "-o", "json", **given).stdout
    )
    assert "fernet_key" in shown
    assert KEY not in shown


def test_k28_keys_rotate_while_tasks_wait(folder: Folder) -> None:
    """K28: nothing has to stop for a new key, and status says when the old one can go."""
    with serving(folder), noting(folder) as notes:
        assert folder.run("dags", "trigger", "secrets", "--run-id", "one").returncode == 0
        notes.read_until("vault looks")
        key_file = folder.home / "keys" / "fernet.key"
        old = key_file.read_text().strip()
        added = folder.ask("crypto", "generate-key", "--add")
        assert added["file"] == str(key_file)
        new, old_again = key_file.read_text().split()
        assert (added["key"], old_again) == (fingerprint(new).hex(), old)
        before = {row["key"] or row["use"]: row for row in folder.ask("crypto", "status")}
        assert before[fingerprint(old).hex()]["note"] == "needed: `bide crypto rotate`, then it can be removed"
        assert before[fingerprint(old).hex()]["columns"] == {"wait.kwargs": 1, "wait.resume_kwargs": 1}
        done = folder.ask("crypto", "rotate")
        assert done == {"key": added["key"], "resealed": 2, "missing": 0, "left": 0}
        after = {row["key"] or row["use"]: row for row in folder.ask("crypto", "status")}
        assert after[fingerprint(old).hex()]["note"] == "no value needs it: it can be removed"
        assert after[added["key"]]["values"] == 2
        assert old not in json.dumps(list(after.values()))
        key_file.write_text(f"{new}\n")
        (folder.dags / "go-vault").touch()
        notes.read_until("vault resumed")
        # The engine that runs has taken the new key: what it stores now needs no other.
        assert {row["key"] for row in folder.ask("crypto", "status") if row["values"]} <= {added["key"], None}
        (folder.dags / "end-vault").touch()
        with folder.start("tasks", "logs", "secrets", "vault", "-f") as log:
            assert log.wait() == 0
    assert folder.ask("tasks", "show", "secrets", "vault")["state"] == "success"


def test_a_key_that_the_engine_lacks_is_not_rotated_to(folder: Folder) -> None:
    with serving(folder, **{VARIABLE: KEY}):
        said = folder.refused("crypto", "rotate", code=1, **{VARIABLE: f"{OTHER_KEY},{KEY}"})
        assert (
            f"encrypts with key {fingerprint(KEY).hex()}, this command with {fingerprint(OTHER_KEY).hex()}" in said
        )
        rows = folder.ask("crypto", "status", **{VARIABLE: f"{OTHER_KEY},{KEY}"})
        notes = {row["key"]: row["note"] for row in rows}
        assert notes[fingerprint(KEY).hex()] == "the engine that runs encrypts with it: start it again"


def test_k28_a_lost_key_fails_only_what_needs_it(folder: Folder) -> None:
    """K28: tasks whose wait can't be read fail with the key's name in their log; all else goes on."""
    lost = fingerprint(KEY).hex()
    with serving(folder, **{VARIABLE: KEY}) as server, noting(folder) as notes:
        (folder.dags / "go-resumed").touch()
        assert folder.run("dags", "trigger", "lost", "--run-id", "one").returncode == 0
        notes.read_all("waits looks", "retried looks", "resumed resumed")
        server.send(signal.SIGTERM)
        assert server.wait() == 0
    listed = folder.ask("waits", "list", **{VARIABLE: OTHER_KEY})
    assert {row["task_id"]: row["for"] for row in listed} == {"waits": "the vault", "retried": "the vault"}
    uses = {row["key"]: row for row in folder.ask("crypto", "status", **{VARIABLE: OTHER_KEY})}
    assert (uses[lost]["use"], uses[lost]["values"]) == ("missing", 6)

    (folder.dags / "notes").write_text("")
    with serving(folder, **{VARIABLE: OTHER_KEY}), noting(folder) as notes:
        # A new try needs nothing of what is lost.
        notes.read_until("retried looks")
        assert folder.run("dags", "trigger", "other", "--run-id", "two").returncode == 0
        for dag_id, task_id in [("lost", "waits"), ("lost", "resumed"), ("other", "fine")]:
            with folder.start("tasks", "logs", dag_id, task_id, "-f") as log:
                assert log.wait() == 0
        (folder.dags / "go-retried").touch()
        (folder.dags / "end-retried").touch()
        with folder.start("tasks", "logs", "lost", "retried", "-f") as log:
            assert log.wait() == 0
    states = {row["task_id"]: (row["state"], row["try"]) for row in folder.ask("tasks", "list", "lost")}
    assert states == {"waits": ("failed", 1), "retried": ("success", 2), "resumed": ("failed", 1)}
    assert folder.ask("tasks", "show", "other", "fine")["state"] == "success"
    for task_id in ("waits", "retried", "resumed"):
        log_text = folder.run("tasks", "logs", "lost", task_id, "--try", "1").stdout
        assert f"it was encrypted with key {lost}, which is not among the engine's keys" in log_text, log_text
        assert "[core] fernet_key" in log_text


async def test_k28_a_timer_whose_key_is_lost_fails_its_task_alone(
    engine: HandEngine, store_url: str, clock: HeldClock
) -> None:
    """K28: the scheduler fires the others; the log of the task says why."""
    await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    due = clock.now() + timedelta(seconds=10)
    await engine.defer("a", timer(due, event(b'"secret"')))
    other = await asyncio.to_thread(Store.open, store_url, clock, Keyring.of(OTHER_KEY), server_time=False)
    try:
        next_engine = HandEngine(other, clock, engine.logs.root)
        next_engine.executor = engine.executor
        await next_engine.report("b", deferral(timer(due)))
        clock.advance(10)
        await next_engine.start()
        assert await next_engine.states() == {"a": "failed", "b": "running"}
        (log,) = engine.logs.root.rglob("*.log")
        assert f"was encrypted with key {fingerprint(KEY).hex()}" in log.read_text()
        assert fingerprint(KEY).hex() in (await next_engine.instance("a"))["error"]
    finally:
        await other.close()
