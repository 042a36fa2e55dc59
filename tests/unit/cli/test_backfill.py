"""``bide backfill``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from bide.control.run_backfills import go_on
from bide.store import Tx, backfills
from tests.unit.cli.conftest import Project

Bide = Callable[..., Result]

RANGE = ("--from-date", "2024-01-01", "--to-date", "2024-01-03")


def shown(bide: Bide, *words: str) -> Any:
    result = bide("backfill", *words, "-o", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def make_runs(project: Project) -> None:
    """What the scheduler does when it looks."""

    def work(tx: Tx) -> None:
        for row in backfills.active(tx):
            go_on(tx, row)

    project.write(work)


@pytest.fixture
def daily(project: Project) -> Project:
    project.put(project.etl())
    return project


def test_a_dry_run_shows_the_dates_and_makes_nothing(bide: Bide, daily: Project) -> None:
    rows = shown(bide, "create", "etl", *RANGE, "--dry-run")
    assert [row["logical_date"] for row in rows] == [f"2024-01-0{day}T00:00:00Z" for day in (1, 2, 3)]
    assert {row["step"] for row in rows} == {"make"}
    assert shown(bide, "list") == []
    table = bide("backfill", "create", "etl", *RANGE, "--dry-run")
    assert "3 dates; nothing was made (--dry-run)" in table.stderr


def test_create_list_show(bide: Bide, daily: Project) -> None:
    made = shown(bide, "create", "etl", *RANGE, "--conf", '{"a": 1}', "-m", "2", "--newest-first")
    assert made == {
        "id": 1,
        "dag_id": "etl",
        "state": "running",
        "from_date": "2024-01-01T00:00:00Z",
        "to_date": "2024-01-03T23:59:59.999999Z",
        "dates": 3,
        "done": 0,
        "counts": {"planned": 3},
    }
    make_runs(daily)
    (listed,) = shown(bide, "list", "--active")
    assert listed["counts"] == {"queued": 3}
    record = shown(bide, "show", "1")
    assert [one["run_id"] for one in record["dates"]] == [
        f"backfill__2024-01-0{day}T00:00:00+00:00" for day in (3, 2, 1)
    ]
    assert record["conf"] == {"a": 1}
    assert "backfill__2024-01-03" in bide("backfill", "show", "1").stdout


def test_pause_resume_cancel(bide: Bide, daily: Project) -> None:
    shown(bide, "create", "--dag-id", "etl", *RANGE)
    assert shown(bide, "pause", "1") == {"id": 1, "paused": True}
    assert shown(bide, "list")[0]["state"] == "paused"
    assert shown(bide, "resume", "1") == {"id": 1, "paused": False}
    assert shown(bide, "cancel", "1") == {"id": 1, "cancelled_runs": 0}
    waited = bide("backfill", "wait", "1")
    assert waited.exit_code == 1
    assert "backfill 1 of 'etl' is over: it is cancelled" in bide("backfill", "pause", "1").stderr
    assert "backfill 1 of etl is cancelled: 3 cancelled" in waited.stderr


def test_wait_ends_when_all_dates_are_done(bide: Bide, daily: Project) -> None:
    for day in (1, 2, 3):
        shown_run = bide("dags", "trigger", "etl", "--logical-date", f"2024-01-0{day}", "--run-id", f"r{day}")
        assert shown_run.exit_code == 0
    shown(bide, "create", "etl", *RANGE)
    make_runs(daily)
    make_runs(daily)
    assert shown(bide, "wait", "1")["counts"] == {"left_out": 3}
    assert {one["reason"] for one in shown(bide, "show", "1")["dates"]} == {"in flight"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("create", "etl"), 2, "say which dates, such as --from-date"),
        (("create", *RANGE), 2, "give its id, and only once"),
        (("create", "etl", "--from-date", "soon", "--to-date", "2024-01-01"), 2, "--from-date 'soon' is no date"),
        (("create", "other", *RANGE), 1, "there is no DAG 'other'"),
        (("show", "9"), 1, "there is no backfill 9"),
        (("wait", "9"), 1, "there is no backfill 9"),
        (("cancel", "9"), 1, "there is no backfill 9"),
    ],
)
def test_mistakes(bide: Bide, daily: Project, words: tuple[str, ...], code: int, message: str) -> None:
    result = bide("backfill", *words)
    assert result.exit_code == code
    assert message in result.stderr


def test_only_failed_tasks_means_failed_runs(bide: Bide, daily: Project) -> None:
    shown(bide, "create", "etl", *RANGE, "--rerun-failed-tasks")
    record = shown(bide, "show", "1")
    assert (record["reprocess"], record["only_failed_tasks"]) == ("failed", True)
