"""A store that can't be used, from the start or in the middle of a run: full, locked, damaged, held by another."""

from __future__ import annotations

import resource
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.commands import Command, Folder

#: A task, a wait for a file, and a task that may only run once, whatever becomes of the store.
WAITS = """
from pathlib import Path
from bide import DAG, FileSensor, task

HERE = Path(__file__).parent

def note(word):
    with (HERE / "ran").open("a") as file:
        file.write(word)

with DAG("waits"):
    @task
    def before():
        note("before ")

    @task
    def after():
        note("after ")

    wait = FileSensor(task_id="wait", filepath=str(HERE / "go"), poke_interval=0.1, deferrable=True)
    before() >> wait >> after()
"""


#: A task that ends when it is let go.
WORKS = """
import time
from pathlib import Path
from bide import DAG, task

with DAG("works"):
    @task
    def works():
        while not Path(__file__).with_name("go").exists():
            time.sleep(0.01)

    works()
"""


@pytest.fixture
def waiting(folder: Folder) -> Iterator[Command]:
    """A run whose task waits."""
    folder.dag("waits", WAITS)
    with folder.start("run", "waits") as command:
        command.read_until("wait deferred")
        yield command


def let_go(folder: Folder) -> None:
    (folder.dags / "go").touch()


def check_that_each_ran_once(folder: Folder) -> None:
    assert (folder.dags / "ran").read_text() == "before after "
    assert folder.ask("db", "check")["problems"] == []


@contextmanager
def full_disk(pid: int) -> Iterator[None]:
    """The process can't make any file longer, which is what a full disk means for it."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Another process writes to the store, and takes its time."""
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def follow_engine_log(folder: Folder, words: str) -> None:
    """Wait until the engine's own log says so."""
    with Command(["tail", "-n", "+1", "-f", str(folder.home / "engine.log")], folder.path, {}) as log:
        log.read_until(words)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are Linux's")
def test_a_disk_that_runs_full_loses_nothing(folder: Folder, waiting: Command) -> None:
    with full_disk(waiting.pid):
        let_go(folder)
        waiting.read_until("engine.log can't be written: File too large")
    assert waiting.wait() == 0, waiting.text
    check_that_each_ran_once(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are Linux's")
def test_a_full_disk_is_told_and_keeps_nobody_from_stopping(folder: Folder) -> None:
    folder.dag("works", WORKS)
    with folder.start("run", "works", BIDE__LOCAL_EXECUTOR__GRACE_SEC="0.1") as command:
        command.read_until("works running")
        with full_disk(command.pid):
            let_go(folder)
            command.read_until("store_unavailable")
            command.process.terminate()
            assert command.wait() != 0, command.text
    (run,) = folder.ask("runs", "list")
    assert run["state"] == "running"
    done = folder.run("run", "works", "--resume", run["run_id"])
    assert done.returncode == 0, done.stderr
    assert folder.ask("db", "check")["problems"] == []


def test_a_lock_in_the_middle_of_a_run_is_waited_for(folder: Folder, waiting: Command) -> None:
    with locked(folder.store):
        let_go(folder)
        follow_engine_log(folder, "another process has locked it")
        # Reading goes on.
        assert [run["state"] for run in folder.ask("runs", "list")] == ["running"]
    assert waiting.wait() == 0, waiting.text
    check_that_each_ran_once(folder)


def test_a_store_that_stays_locked_is_exit_code_3(folder: Folder) -> None:
    folder.dag("waits", WAITS)
    folder.ask("db", "upgrade")
    with locked(folder.store):
        said = folder.refused("run", "waits", code=3)
    assert f"{folder.store}: another process has locked it" in said
    assert "try again" in said


def test_without_room_nothing_begins(folder: Folder) -> None:
    folder.dag("waits", WAITS)
    with folder.start("run", "waits", shell="ulimit -f 0") as command:
        assert command.wait() == 3
    assert f"bide: can't write {folder.store}.lock: File too large" in command.text
    assert "Traceback" not in command.text


@pytest.mark.parametrize(
    "arguments", [("run", "waits"), ("standalone", "--port", "0"), ("runs", "list"), ("db", "check")]
)
@pytest.mark.parametrize("damage", ["pages", "half"])
def test_a_damaged_store_is_exit_code_3(folder: Folder, arguments: tuple[str, ...], damage: str) -> None:
    folder.dag("waits", WAITS)
    folder.ask("db", "upgrade")
    data = bytearray(folder.store.read_bytes())
    if damage == "pages":
        for start in range(8192, len(data), 8192):
            data[start : start + 2000] = b"\xde\xad" * 1000
    folder.store.write_bytes(data if damage == "pages" else data[: len(data) // 2])
    done = folder.run(*arguments)
    assert done.returncode == 3, str(done)
    assert "Traceback" not in done.stderr
    if arguments != ("db", "check"):
        assert f"{folder.store}: the database is damaged: restore a copy" in done.stderr


def test_an_empty_store_is_made_anew(folder: Folder) -> None:
    """As an engine leaves it that is killed in its first moment."""
    folder.dag("waits", WAITS)
    let_go(folder)
    folder.home.mkdir()
    folder.store.touch()
    assert folder.dag_run("waits").state == "success"


def test_a_second_run_is_told_who_holds_the_store(folder: Folder, waiting: Command) -> None:
    said = folder.refused("run", "waits", code=4)
    assert f"{folder.store} is in use by another engine (`bide run`, process {waiting.pid}, since " in said
    assert "stop that one first, or give this one a store of its own (BIDE_HOME=FOLDER)" in said
    let_go(folder)
    assert waiting.wait() == 0


@pytest.mark.parametrize("home", ["dags/waits.py", "dags/waits.py/below"])
def test_a_state_folder_that_can_not_be_made_is_named(folder: Folder, home: str) -> None:
    path = folder.path / home
    folder.dag("waits", WAITS)
    said = folder.refused("run", "waits", code=2, BIDE_HOME=str(path))
    assert f"the state folder {path} can't be made" in said
    assert "$BIDE_HOME" in said


def test_logs_that_can_not_be_written_fail_no_task(folder: Folder) -> None:
    folder.dag("waits", WAITS)
    let_go(folder)
    folder.home.mkdir()
    (folder.home / "logs").touch()
    assert folder.dag_run("waits").state == "success"
    assert "can't be opened" in (folder.home / "runners.log").read_text()
