"""Every command beside a running server, as people and as scripts call it: in a pipe, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder

ETL = '''
from bide import DAG, FileSensor, Param, task

with DAG(
    "etl", schedule="0 6 * * 1-5", description="Loads the sales", tags=["sales"], params={"size": Param(5)},
    is_paused_upon_creation=True,
):
    @task(retries=1)
    def extract():
        """Reads."""
        print("[red]reading[/red]")
        return {"rows": [1, 2]}

    @task
    def load(found, ds=None):
        return len(found["rows"])

    load(extract())

with DAG("waits"):
    FileSensor(task_id="wait", filepath="/no/such/[file]", poke_interval=30, deferrable=True)
'''


class Shown(NamedTuple):
    """A command, and what its two forms must have."""

    arguments: str
    #: In the table.
    words: tuple[str, ...]
    #: Of a row, or of the only object.
    keys: frozenset[str]


RUN_KEYS: Final = "dag_id run_id state type logical_date start end seconds reason"
TASK_KEYS: Final = "task_id map_index name state try tries operator start end seconds held error failed_callbacks"
COMMANDS: Final = {
    name: Shown(arguments, words, frozenset(keys.split()))
    for name, arguments, words, keys in [
        (
            "dags list",
            "dags list",
            ("etl", "0 6 * * 1-5", "sales", "dags/etl.py"),
            "dag_id schedule paused next_run tags owner file problem",
        ),
        (
            "dags list by tag",
            "dags list --tag sales",
            ("etl",),
            "dag_id schedule paused next_run tags owner file problem",
        ),
        (
            "dags show",
            "dags show etl",
            ("Loads the sales", "extract", "all_success", '{"size":5}'),
            "dag_id schedule paused next_run tags owner file problem description folder start_date end_date "
            "edge_labels catchup max_active_runs max_active_tasks params tasks timezone timetable",
        ),
        ("runs list", "runs list", ("etl", "success", "waits", "running"), RUN_KEYS),
        ("runs list of one state", "runs list etl --state success", ("etl", "success"), RUN_KEYS),
        (
            "runs show",
            "runs show etl first",
            ("success", "extract", '{"size":7}', "2026-03-29"),
            f"{RUN_KEYS} data_interval_start data_interval_end queued conf note triggered_by tasks "
            "external_cancels",
        ),
        ("tasks list", "tasks list etl --run first", ("etl first: success", "extract", "load"), TASK_KEYS),
        (
            "tasks show",
            "tasks show waits wait",
            ("deferred", "file /no/such/[file]", "logs/waits/wait/", "running", "scheduled"),
            f"dag_id run_id {TASK_KEYS} note deadline due waits_for waits_since links xcom log_path states",
        ),
        (
            "waits list",
            "waits list",
            ("poll", "FileTrigger", "file /no/such/[file]", "standalone "),
            "dag_id run_id task_id map_index kind trigger for since until next_look progress where unserved",
        ),
        ("db check", "db check", ("bide.db", "bide standalone, process "), "store bytes schema engine problems"),
        ("db upgrade", "db upgrade", ("bide.db",), "store schema before"),
        ("config show", "config show parsing", ("parsing.timeout_sec", "30"), "setting value source meaning"),
    ]
}


@pytest.fixture(scope="module")
def served(make_folder: MakeFolder) -> Iterator[Folder]:
    """A project whose server has finished one run, and has another one that waits."""
    folder = make_folder()
    folder.dag("etl", ETL)
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        triggered = folder.run("dags", "trigger", "etl", "--run-id", "first", "--logical-date", "2026-03-29",
                               "--conf", '{"size": 7}')  # fmt: skip
        assert triggered.returncode == 0, str(triggered)
        assert folder.run("run", "etl", "--resume", "first").returncode == 0
        with folder.start("run", "waits") as waiting:
            waiting.read_until("wait deferred")
        yield folder


def check_plain(text: str) -> None:
    """For a file or another program: no colours, nothing drawn over, no line cut."""
    assert "\x1b" not in text
    assert "\r" not in text
    assert "…" not in text


@pytest.mark.parametrize("name", COMMANDS)
def test_as_a_table(served: Folder, name: str) -> None:
    shown = COMMANDS[name]
    done = served.run(*shown.arguments.split(), COLUMNS="40")
    assert done.returncode == 0, str(done)
    check_plain(done.stdout)
    for words in shown.words:
        assert words in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_as_json(served: Folder, name: str) -> None:
    shown = COMMANDS[name]
    answer: Any = served.ask(*shown.arguments.split())
    row = answer[0] if isinstance(answer, list) else answer
    assert set(row) == shown.keys


def test_no_import_errors_are_exit_code_0(served: Folder) -> None:
    assert served.ask("dags", "errors") == []
    done = served.run("dags", "errors")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no import errors" in done.stderr


def test_a_log_is_printed_as_it_is(served: Folder) -> None:
    done = served.run("tasks", "logs", "etl", "extract", "--run", "first")
    assert "stdout - [red]reading[/red]\n" in done.stdout
    assert "Task succeeded" in done.stdout
    check_plain(done.stdout)


def test_a_run_beside_the_server_prints_plain_lines(served: Folder) -> None:
    done = served.run("run", "etl", COLUMNS="40")
    assert done.returncode == 0, str(done)
    check_plain(done.stdout)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("handed over to the engine that runs (bide standalone, process ")
    assert lines[-1] == "load returned 2"
    assert isinstance(served.dag_run("etl"), DagRun)


def test_a_run_is_triggered_paused_and_cancelled(served: Folder) -> None:
    made = served.ask("dags", "trigger", "waits", "--run-id", "second", "--note", "by hand")
    assert made == {"dag_id": "waits", "run_id": "second", "state": "queued", "logical_date": made["logical_date"]}
    assert served.run("dags", "pause", "waits").stderr == "waits is paused\n"
    assert {row["dag_id"]: row["paused"] for row in served.ask("dags", "list")} == {"etl": True, "waits": True}
    assert served.run("dags", "unpause", "waits").stderr == "waits is not paused\n"
    with served.start("tasks", "logs", "-f", "waits", "wait", "--run", "second") as log:
        log.read_until("Task deferred")
        cancelled = served.run("runs", "cancel", "waits", "second")
        assert cancelled.stderr == "cancelled waits second: 1 task instances\n"
        assert log.wait() == 0
    run = served.ask("runs", "show", "waits", "second")
    assert (run["state"], run["note"], run["tasks"][0]["state"]) == ("failed", "by hand", "failed")
    assert run["reason"].startswith("cancelled by ")
    again = served.run("runs", "cancel", "waits", "second")
    assert again.returncode == 1
    assert "has ended" in again.stderr


def test_help_and_version(served: Folder) -> None:
    done = served.run("--help")
    assert done.returncode == 0
    check_plain(done.stdout)
    for command in ("run", "standalone", "dags", "runs", "tasks", "waits", "db", "config", "version"):
        assert command in done.stdout
    assert served.run("version").stdout == served.run("--version").stdout


@pytest.mark.parametrize("arguments", ["--help", "--version", "dags list", "dags list --output json"])
def test_no_room_for_the_output_is_said_in_one_line(served: Folder, arguments: str) -> None:
    with Path("/dev/full").open("wb") as full, served.start(*arguments.split(), stdout=full.fileno()) as command:
        assert command.wait() == 1
        assert command.text == "bide: the output can't be written: No space left on device\n"
