"""Commands on a store, without an engine: rows, JSON, exit codes, messages."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import Result

from bide.cli.app import app
from bide.cli.commands import COMMANDS
from tests.support.waits import put_wait

from .conftest import Project

root: Any = typer.main.get_command(app)
Bide = Callable[..., Result]
Rows = Callable[..., Any]


@pytest.fixture
def etl(project: Project) -> Project:
    project.put(project.etl("etl", "daily"), project.etl("other"))
    project.run("first", conf={"env": "prod"})
    return project


def test_runs_are_listed_and_shown(etl: Project, bide: Bide, rows: Rows) -> None:
    etl.run("second", "other")
    assert [run["run_id"] for run in rows("runs", "list")] == ["second", "first"]
    assert [run["run_id"] for run in rows("runs", "list", "etl")] == ["first"]
    assert rows("runs", "list", "--state", "failed") == []
    shown = rows("runs", "show", "etl", "first")
    assert shown["conf"] == {"env": "prod"}
    assert shown["triggered_by"] == "ada"
    assert {task["task_id"] for task in shown["tasks"]} == {"extract", "load", "report"}
    table = bide("runs", "list").stdout.splitlines()
    assert table[0].split()[:4] == ["dag", "id", "run", "id"]
    assert table[1].split()[:4] == ["other", "second", "queued", "manual"]


def test_a_long_list_says_that_there_is_more(etl: Project, bide: Bide) -> None:
    etl.run("second")
    result = bide("runs", "list", "--limit", "1")
    assert "second" in result.stdout
    assert "first" not in result.stdout
    assert "1 of 2 runs; see --limit and --offset" in result.stderr


def test_a_run_is_triggered_and_cancelled(etl: Project, bide: Bide, rows: Rows) -> None:
    result = bide(
        "dags", "trigger", "etl", "--run-id", "mine", "--conf", '{"a": 1}', "--logical-date", "2026-01-02"
    )
    assert result.exit_code == 0
    assert "no engine runs on this store" in result.stderr
    assert rows("runs", "show", "etl", "mine")["logical_date"] == "2026-01-02T00:00:00Z"
    result = bide("runs", "cancel", "etl", "mine")
    assert result.exit_code == 0
    assert "cancelled etl mine: 3 task instances" in result.stderr
    assert rows("runs", "show", "etl", "mine")["state"] == "failed"
    result = bide("runs", "cancel", "etl", "mine")
    assert result.exit_code == 1
    assert "has ended" in result.stderr
    cancelled = rows("runs", "cancel", "etl", "first")
    assert cancelled == {"dag_id": "etl", "run_id": "first", "cancelled": 3, "teardowns": []}


def test_a_dag_is_paused_and_unpaused(etl: Project, bide: Bide, rows: Rows) -> None:
    def paused() -> bool:
        return etl.write(
            lambda tx: bool(tx.conn.exec_driver_sql("SELECT is_paused FROM dag WHERE dag_id = 'etl'").scalar_one())
        )

    assert bide("dags", "pause", "etl").exit_code == 0
    assert paused()
    assert bide("dags", "unpause", "etl").exit_code == 0
    assert not paused()
    assert rows("dags", "pause", "etl") == {"dag_id": "etl", "paused": True}
    assert paused()
    assert rows("dags", "unpause", "etl") == {"dag_id": "etl", "paused": False}


def test_a_task_is_shown_with_its_states(etl: Project, rows: Rows) -> None:
    etl.move("first", "extract", "schedule", "queue", "start", "fail", error="ValueError: no rows", try_number=1)
    shown = rows("tasks", "show", "etl", "extract")
    assert shown["state"] == "failed"
    assert shown["error"] == "ValueError: no rows"
    assert [event["state"] for event in shown["states"]] == ["scheduled", "queued", "running", "failed"]
    assert shown["log_path"] == str(etl.home / "logs/etl/extract/2026-03-29T00:00:00+00:00/1.log")
    listed = {task["task_id"]: task["state"] for task in rows("tasks", "list", "etl")}
    assert listed == {"extract": "failed", "load": "none", "report": "none"}


def test_logs_are_printed(etl: Project, bide: Bide, rows: Rows) -> None:
    result = bide("tasks", "logs", "etl", "extract")
    assert result.exit_code == 1
    assert "task 'extract' has had 0 tries in run 'first'" in result.stderr
    etl.move("first", "extract", "schedule", "queue", "start", "succeed", try_number=1)
    log = etl.home / "logs/etl/extract/2026-03-29T00:00:00+00:00/1.log"
    log.parent.mkdir(parents=True)
    log.write_text("one\ntwo\n")
    assert bide("tasks", "logs", "etl", "extract").stdout == "one\ntwo\n"
    assert bide("tasks", "logs", "etl", "extract", "--run", "first", "--try", "1").stdout == "one\ntwo\n"
    # It is finished: following ends at once.
    assert bide("tasks", "logs", "etl", "extract", "-f").stdout == "one\ntwo\n"
    assert bide("tasks", "logs", "etl", "extract", "--try", "2").exit_code == 1
    names = {"dag_id": "etl", "run_id": "first", "task_id": "extract", "map_index": -1, "try": 1}
    assert rows("tasks", "logs", "etl", "extract") == {**names, "lines": ["one", "two"]}
    assert rows("tasks", "logs", "etl", "extract", "-f") == {**names, "lines": ["one", "two"]}


def test_waits_say_for_what_and_where(etl: Project, bide: Bide, rows: Rows) -> None:
    etl.write(lambda tx: put_wait(tx, "etl", "first", "extract"))
    (wait,) = rows("waits", "list", "etl")
    assert wait["for"] == "file /data/orders.csv"
    assert wait["trigger"] == "bide.standard.triggers.file.FileTrigger"
    assert wait["where"] == "nobody yet"
    assert wait["progress"] is None
    assert wait["until"] > wait["since"]
    shown = rows("tasks", "show", "etl", "extract")
    assert shown["waits_for"] == "file /data/orders.csv"
    assert "file /data/orders.csv" in bide("waits", "list").stdout
    assert rows("waits", "list", "other") == []


def test_nothing_waits(etl: Project, bide: Bide, rows: Rows) -> None:
    assert rows("waits", "list") == []
    assert "nothing waits" in bide("waits", "list").stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("runs", "show", "etl", "nix"), "DAG 'etl' has no run 'nix'"),
        (("runs", "cancel", "etl", "nix"), "DAG 'etl' has no run 'nix'"),
        (("tasks", "list", "other"), "DAG 'other' has no runs"),
        (("tasks", "show", "etl", "nix"), "run 'first' of DAG 'etl' has no task 'nix'"),
        (("tasks", "logs", "etl", "extract", "--run", "nix"), "DAG 'etl' has no run 'nix'"),
        (("tasks", "list", "nix"), "there is no DAG 'nix' in the store; there are: etl, other"),
        (("tasks", "show", "nix", "extract"), "there is no DAG 'nix'"),
        (("runs", "list", "nix"), "there is no DAG 'nix' in the store; there are: etl, other"),
        (("runs", "show", "nix", "first"), "there is no DAG 'nix'"),
        (("waits", "list", "nix"), "there is no DAG 'nix' in the store; there are: etl, other"),
        (("waits", "list", "nix", "--output", "json"), "there is no DAG 'nix'"),
        (("waits", "list", "etl", "--run", "nix"), "DAG 'etl' has no run 'nix'"),
        (("waits", "show", "nix", "extract"), "there is no DAG 'nix'"),
        (("dags", "trigger", "nix"), "there is no DAG 'nix'"),
        (("dags", "pause", "nix"), "there is no DAG 'nix'"),
        (("dags", "trigger", "etl", "--run-id", "first"), "has a run 'first' already"),
    ],
)
def test_what_is_not_there_is_exit_code_1(etl: Project, bide: Bide, arguments: tuple[str, ...], words: str) -> None:
    result = bide(*arguments)
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dags", "trigger", "etl", "--conf", "{"), "--conf is not JSON"),
        (("dags", "trigger", "etl", "--conf", "[1]"), "--conf must be a JSON object"),
        (("dags", "trigger", "etl", "--logical-date", "soon"), "--logical-date 'soon' is no date"),
        (("dags", "trigger", "etl", "--run-id", "no/slash"), "can't be a run id"),
        (("tasks", "logs", "etl", "extract", "-f", "--try", "1"), "leave out --try"),
        (("runs", "list", "--dags", "nix"), "--dags nix: there is no such folder"),
        (("runs", "list", "--state", "nix"), "nix"),
        (("runs", "list", "--limit", "0"), "--limit"),
        (("run", "dags/nix.py"), "there is no file"),
        (("run", "dags/etl.py", "--resume", "first", "--conf", "{}"), "leave out --conf"),
        (("config", "show", "nix"), "there is no section [nix]"),
        (("nix",), "No such command"),
    ],
)
def test_bad_input_is_exit_code_2(etl: Project, bide: Bide, arguments: tuple[str, ...], words: str) -> None:
    result = bide(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_wrong_setting_is_exit_code_2_everywhere(etl: Project, bide: Bide) -> None:
    (etl.folder / "bide.toml").write_text("[core]\nparalellism = 4\n")
    for arguments in (("runs", "list"), ("config", "show"), ("db", "check"), ("standalone",), ("run", "etl")):
        result = bide(*arguments)
        assert result.exit_code == 2
        assert (
            "bide.toml:2: section [core] has no setting 'paralellism'; did you mean parallelism?" in result.stderr
        )


@pytest.mark.parametrize("arguments", [("run", "etl"), ("dags", "list"), ("standalone", "--port", "0")])
def test_a_state_folder_that_can_not_be_is_named(
    project: Project, bide: Bide, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    (project.folder / "home").write_text("a file")
    monkeypatch.setenv("BIDE_HOME", str(project.folder / "home"))
    result = bide(*arguments)
    assert result.exit_code == 2
    assert f"the state folder {project.folder / 'home'} can't be made" in result.stderr


def test_an_address_that_is_none_is_refused(project: Project, bide: Bide) -> None:
    result = bide("standalone", "--host", "256.1.1.1", "--port", "0")
    assert result.exit_code == 2
    assert "the API can't listen at '256.1.1.1'" in result.stderr


def test_without_a_store_it_is_exit_code_3(project: Project, bide: Bide) -> None:
    for arguments in (("runs", "list"), ("tasks", "list", "etl"), ("waits", "list"), ("db", "check")):
        result = bide(*arguments)
        assert result.exit_code == 3
        assert f"there is no store {project.home / 'bide.db'}" in result.stderr
    assert not project.home.exists()


def test_a_file_that_is_no_database_is_exit_code_3(project: Project, bide: Bide) -> None:
    project.home.mkdir()
    (project.home / "bide.db").write_text("this is not a database, but long enough to be looked at as one\n" * 20)
    for arguments in (("runs", "list"), ("db", "check"), ("db", "upgrade")):
        result = bide(*arguments)
        assert result.exit_code == 3
        assert "not an SQLite database" in result.stderr
        assert "Traceback" not in result.stderr


def test_a_store_that_another_program_locks_is_exit_code_3(etl: Project, bide: Bide) -> None:
    other = sqlite3.connect(etl.home / "bide.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        result = bide("dags", "pause", "etl")
        assert result.exit_code == 3
        assert "another process has locked it" in result.stderr
        # Reading goes on beside it.
        assert bide("runs", "list").exit_code == 0
    finally:
        other.close()


def test_a_store_of_another_version_says_how_to_go_on(etl: Project, bide: Bide, rows: Rows) -> None:
    etl.write(lambda tx: tx.conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    result = bide("runs", "list")
    assert result.exit_code == 3
    assert "has schema 9999" in result.stderr
    result = bide("db", "upgrade")
    assert result.exit_code == 3
    assert "of a newer Bide" in result.stderr
    assert bide("db", "check").exit_code == 3


def test_the_store_is_made_and_checked(project: Project, bide: Bide, rows: Rows) -> None:
    made = rows("db", "upgrade")
    assert made["before"] is None
    assert rows("db", "upgrade")["before"] == made["schema"]
    checked = rows("db", "check")
    assert checked["problems"] == []
    assert checked["engine"] is None
    assert checked["store"] == str(project.home / "bide.db")


def test_settings_are_shown_with_their_source(
    project: Project, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.folder / "bide.toml").write_text("[api]\nport = 9090\n")
    monkeypatch.setenv("BIDE__API__HOST", "0.0.0.0")
    shown = {row["setting"]: row for row in rows("config", "show", "api")}
    assert shown["api.port"]["value"] == 9090
    assert shown["api.port"]["source"].endswith("bide.toml:2")
    assert shown["api.host"]["source"] == "BIDE__API__HOST"
    assert shown["api.allowed_hosts"]["source"] == "default"


def test_the_version_needs_little(project: Project) -> None:
    """A command that scripts call often imports no parser of arguments, no database, no server."""
    code = (
        "import sys; sys.argv = ['bide', 'version']\n"
        "from bide.cli.main import main; main()\n"
        "print(*[name for name in ('typer', 'rich', 'sqlalchemy', 'fastapi', 'msgspec', 'asyncio')"
        " if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count(".") == 2
    assert done.stderr.strip() == ""


def _commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        command = root.get_command(None, name)
        found += [(name, one) for one in command.commands] if hasattr(command, "commands") else [(name,)]
    return found


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_every_command_that_ends_can_say_it_as_json(words: tuple[str, ...]) -> None:
    if words[0] in ("standalone", "scheduler", "triggerer", "dag-processor", "api-server"):
        pytest.skip("it serves until it is stopped")
    command = root.get_command(None, words[0])
    for word in words[1:]:
        command = command.commands[word]
    options = [option for one in command.params for option in one.opts]
    assert {"--output", "-o"} <= set(options), "it takes `output: OutputOption`, and `tell()` says what it has done"


def test_the_version_as_json(rows: Rows) -> None:
    assert rows("version")["version"].count(".") == 2


def test_help_names_every_command_and_exit_code(bide: Bide) -> None:
    result = bide("--help")
    assert result.exit_code == 0
    for name in ("run", "standalone", "dags", "runs", "tasks", "waits", "db", "config", "version"):
        assert name in result.stdout
    assert "Exit codes: 0 success" in result.stdout


def test_the_page_of_exit_codes_names_them_all() -> None:
    from bide.cli.exit_codes import ExitCode

    page = (Path(__file__).parents[3] / "docs" / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    for code in ExitCode:
        assert f"| {code.value} |" in page


def test_the_page_of_commands_names_them_all() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    for name, module in COMMANDS.items():
        group = import_module(module).app.registered_commands
        names = [name] if len(group) == 1 and name != "config" and name != "waits" else []
        for command in [] if names else group:
            names.append(f"{name} {command.name or command.callback.__name__}")
        for one in names:
            assert f"`bide {one}" in page, one
