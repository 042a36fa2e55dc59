"""``bide tasks clear|mark|release`` and ``bide runs clear|mark`` on a store, without an engine."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.support.waits import put_wait
from tests.unit.cli.conftest import Project

Bide = Callable[..., Result]
Rows = Callable[..., Any]


@pytest.fixture
def etl(project: Project) -> Project:
    """A run that has failed at ``load``."""
    project.put(project.etl("etl"))
    project.run("first")
    project.move("first", "extract", "schedule", "queue", "start", "succeed")
    project.move("first", "load", "schedule", "queue", "start", "fail")
    project.move("first", "report", "upstream_failed")
    return project


def states(rows: Rows) -> dict[str, str]:
    return {row["task_id"]: row["state"] for row in rows("tasks", "list", "etl")}


def becomes(rows: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(row["task_id"], row["state"], row["becomes"]) for row in rows]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], ["extract", "load", "report"]),
        (["-t", "load"], ["load"]),
        (["-d", "-t", "load"], ["load", "report"]),
        (["-u", "-t", "load"], ["extract", "load"]),
        (["-t", "load", "--upstream", "--downstream"], ["extract", "load", "report"]),
        (["-f"], ["load", "report"]),
        (["--only-running"], []),
        (["-r"], []),
        (["--run", "first", "--past", "--future", "-f"], ["load", "report"]),
        (["-s", "2026-03-29", "-e", "2026-03-29"], ["extract", "load", "report"]),
        (["-s", "2026-03-30"], []),
    ],
)
def test_a_dry_run_shows_what_would_be_cleared(
    etl: Project, rows: Rows, flags: list[str], expected: list[str]
) -> None:
    before = states(rows)
    assert [row["task_id"] for row in rows("tasks", "clear", "etl", "--dry-run", *flags)] == expected
    assert states(rows) == before


def test_the_dag_may_stand_behind_the_flags(etl: Project, rows: Rows) -> None:
    """A012: -d is --downstream, as in Airflow, and takes no value."""
    assert len(rows("tasks", "clear", "-d", "etl")) == 3
    assert set(states(rows).values()) == {"none"}


def test_a_table_shows_what_was_cleared_and_who_will_run_it(etl: Project, bide: Bide, rows: Rows) -> None:
    result = bide("tasks", "clear", "etl", "-t", "load", "-d", "-y")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()[1:]] == [
        ["first", "load", "failed", "none"],
        ["first", "report", "upstream_failed", "none"],
    ]
    assert "done: 2 task instances" in result.stderr
    assert "no engine runs on this store" in result.stderr
    assert bide("tasks", "clear", "etl", "-t", "load").stderr == "there is nothing to clear\n"


def test_a_task_is_marked(etl: Project, rows: Rows) -> None:
    expected = [("load", "failed", "success"), ("report", "upstream_failed", "none")]
    assert becomes(rows("tasks", "mark", "etl", "first", "load", "--state", "success", "--dry-run")) == expected
    assert becomes(rows("tasks", "mark", "etl", "first", "load", "--state", "success")) == expected
    assert states(rows) == {"extract": "success", "load": "success", "report": "none"}


def test_a_run_is_marked_and_cleared(etl: Project, bide: Bide, rows: Rows) -> None:
    assert becomes(rows("runs", "mark", "etl", "first", "--state", "success")) == [
        ("load", "failed", "success"),
        ("report", "upstream_failed", "success"),
    ]
    assert rows("runs", "show", "etl", "first")["state"] == "success"
    assert len(rows("runs", "clear", "etl", "first", "--dry-run")) == 3
    assert rows("runs", "clear", "etl", "first", "--only-failed") == []
    assert len(rows("runs", "clear", "etl", "first")) == 3
    assert rows("runs", "show", "etl", "first")["state"] == "queued"
    assert "the run is queued" in bide("runs", "mark", "etl", "first", "--state", "queued").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("tasks", "clear", "other"), 1, "there is no DAG 'other'"),
        (("tasks", "clear", "etl", "--run", "x"), 1, "DAG 'etl' has no run 'x'"),
        (("tasks", "clear", "etl", "-t", "("), 2, "is no regular expression"),
        (("tasks", "clear", "etl", "-s", "soon"), 2, "--start-date 'soon' is no date"),
        (("tasks", "clear", "etl", "-f", "-r"), 2, "only failed and only running"),
        (("tasks", "mark", "etl", "first", "x", "--state", "failed"), 1, "has no task 'x'"),
        (("tasks", "release", "etl", "first"), 1, "no task of run 'first' is held"),
        (("tasks", "release", "etl", "first", "load"), 1, "task 'load' of run 'first' is not held"),
        (("runs", "clear", "etl", "x"), 1, "DAG 'etl' has no run 'x'"),
    ],
)
def test_what_can_not_be_done(
    etl: Project, bide: Bide, rows: Rows, arguments: tuple[str, ...], code: int, message: str
) -> None:
    before = states(rows)
    result = bide(*arguments)
    assert (result.exit_code, message in result.stderr) == (code, True), result.output
    assert states(rows) == before


@pytest.mark.parametrize(("answer", "code", "state"), [("n\n", 1, "failed"), ("y\n", 0, "none")])
def test_on_a_terminal_it_asks_first(etl: Project, rows: Rows, answer: str, code: int, state: str) -> None:
    terminal, side = pty.openpty()
    try:
        os.write(terminal, answer.encode())
        done = subprocess.run(
            [Path(sys.executable).with_name("bide"), "tasks", "clear", "etl", "-t", "load"],
            stdin=side,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(terminal)
        os.close(side)
    assert "first  load: failed -> none" in done.stderr
    assert "clear 1 task instance?" in done.stderr
    assert (done.returncode, states(rows)["load"]) == (code, state), done.stderr
    assert "Traceback" not in done.stderr


def waiting(etl: Project, **fields: Any) -> None:
    etl.run("second")
    etl.write(lambda tx: put_wait(tx, "etl", "second", "extract", **fields))


def test_k26_a_signal_lets_a_task_go_on(etl: Project, bide: Bide, rows: Rows) -> None:
    """K26: a person can push a deferred task forward, without a URL."""
    waiting(etl, kind="signal", signal_name="approved")
    sent = rows("waits", "signal", "etl", "extract", "approved", "--payload", '{"ok": true}', "--run", "second")
    assert (sent["task_id"], sent["signal"], sent["result"]) == ("extract", "approved", "resumed")
    assert rows("tasks", "show", "etl", "extract", "--run", "second")["state"] == "scheduled"
    again = bide("waits", "signal", "etl", "extract", "approved", "-r", "second")
    assert "kept until the task waits for it" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["etl", "extract", "x", "--payload", "{nonsense"], "--payload must be JSON", 2),
        (["etl", "extract", "x", "--payload", '"' + 256 * 1024 * "x" + '"'], "256 KiB", 2),
        (["etl", "extract", "no name"], "no name", 2),
        (["etl", "nothing"], "has no task 'nothing'", 1),
        (["etl", "load"], "has ended, it is failed", 1),
    ],
)
def test_a_signal_that_can_not_be_sent(
    etl: Project, bide: Bide, arguments: list[str], message: str, code: int
) -> None:
    result = bide("waits", "signal", *arguments)
    assert message in result.stderr
    assert result.exit_code == code


def test_a_wait_is_cancelled(etl: Project, bide: Bide, rows: Rows) -> None:
    waiting(etl)
    result = bide("waits", "cancel", "etl", "extract")
    assert result.exit_code == 0, result.stderr
    assert "waits no longer for file /data/orders.csv" in result.stderr
    shown = rows("tasks", "show", "etl", "extract")
    assert shown["state"] == "failed"
    assert shown["error"].startswith("the wait was cancelled by ")
    assert rows("waits", "list") == []
    assert "does not wait: it is failed" in bide("waits", "cancel", "etl", "extract").stderr


def test_a_wait_is_shown_with_the_reason_why_nobody_serves_it(etl: Project, bide: Bide, rows: Rows) -> None:
    """K30."""
    waiting(etl)
    (row,) = rows("waits", "show", "etl", "extract")
    assert (row["id"], row["part"], row["queue"]) == ("wait-1", None, "default")
    assert row["unserved"].startswith("no triggerer is alive: start ")
    assert rows("waits", "list")[0]["unserved"] == row["unserved"]
    assert "no triggerer is alive" in bide("waits", "list").stdout
    assert "does not wait: it is failed" in bide("waits", "show", "etl", "load", "-r", "first").stderr


def test_k30_numbers_about_waits(etl: Project, bide: Bide, rows: Rows) -> None:
    """K30."""
    empty = rows("waits", "stats")
    assert empty["counts"] == empty["triggerers"] == []
    assert empty["resume_lag"] == {"resumes": 0, "median": None, "p95": None, "longest": None}
    assert "nothing waits" in bide("waits", "stats").stderr
    waiting(etl)
    (count,) = rows("waits", "stats")["counts"]
    assert (count["kind"], count["waiting"], count["unclaimed"]) == ("poll", 1, 1)
    assert "FileTrigger" in bide("waits", "stats").stdout


def test_tries_are_listed_and_notes_written(etl: Project, bide: Bide, rows: Rows) -> None:
    (one,) = rows("tasks", "tries", "etl", "load")
    assert (one["try"], one["state"], one["error"]) == (1, "failed", "")
    assert one["log_path"].endswith("etl/load/2026-03-29T00:00:00+00:00/1.log")
    assert rows("tasks", "tries", "etl", "report") == []
    assert bide("tasks", "note", "etl", "first", "load", "disk was full").stderr == "noted about load of first\n"
    assert rows("tasks", "show", "etl", "load")["note"] == "disk was full"
    assert bide("runs", "note", "etl", "first", "look at load").exit_code == 0
    assert rows("runs", "show", "etl", "first")["note"] == "look at load"
