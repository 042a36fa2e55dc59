"""``bide dags next-execution`` and ``details``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from typer.testing import Result

from bide.cli import dag_rows
from bide.control.pause_dag import pause_dag
from bide.model.dag_spec import ScheduleSpec

from .conftest import Project

Bide = Callable[..., Result]
Rows = Callable[..., Any]


@pytest.fixture(autouse=True)
def an_engine_keeps_up_with_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is asked and no file is parsed."""

    async def ask_store(config: object, parse: bool) -> bool:
        return True

    monkeypatch.setattr(dag_rows, "_ask_store", ask_store)


def put(project: Project, **schedule: Any) -> None:
    """A DAG of this schedule, as the engine has stored it."""
    project.put(msgspec.structs.replace(project.etl(), schedule=ScheduleSpec(**schedule)))


def test_the_next_runs_are_listed_in_the_dags_zone_too(project: Project, bide: Bide, rows: Rows) -> None:
    put(project, kind="cron", expressions=("30 8 * * *",), timezone="Asia/Tokyo", text="30 8 * * *")
    found = rows("dags", "next-execution", "etl", "-n", "3")
    after = [datetime.fromisoformat(row["run_after"]) for row in found]
    assert [one - after[0] for one in after] == [timedelta(days=day) for day in range(3)]
    assert all(row["dag_time"].endswith("T08:30:00+09:00 Asia/Tokyo") for row in found)
    assert all(row["run_after"].endswith("T23:30:00Z") for row in found)
    assert [row["data_interval_end"] for row in found] == [row["run_after"] for row in found]
    assert [row["logical_date"] for row in found[1:]] == [row["run_after"] for row in found[:-1]]
    assert [datetime.fromisoformat(row["local_time"]) for row in found] == after
    assert len(bide("dags", "next-execution", "etl").stdout.splitlines()) >= 2


def test_a_dag_without_a_schedule_says_so(project: Project, bide: Bide) -> None:
    put(project)
    result = bide("dags", "next-execution", "etl")
    assert result.exit_code == 0
    assert "etl: it has no schedule, and runs only when asked" in result.stderr


def test_a_schedule_that_has_ended_says_so(project: Project, bide: Bide) -> None:
    put(project, kind="events", events=("2020-01-01T00:00:00+00:00",))
    assert "etl: its schedule has no run to come" in bide("dags", "next-execution", "etl").stderr


def test_what_is_not_known_beforehand_is_not_made_up(project: Project, bide: Bide, rows: Rows) -> None:
    put(project, kind="continuous", text="@continuous")
    assert len(rows("dags", "next-execution", "etl", "-n", "5")) == 1
    result = bide("dags", "next-execution", "etl", "-n", "5")
    assert "each further run follows the end of the one before" in result.stderr


def test_a_paused_dag_says_so(project: Project, bide: Bide) -> None:
    put(project, kind="cron", expressions=("0 0 * * *",))
    project.use(lambda store: pause_dag(store, "etl", True, by="ada"))
    assert "etl is paused" in bide("dags", "next-execution", "etl").stderr


def test_details_are_what_show_shows(project: Project, rows: Rows) -> None:
    put(project, kind="cron", expressions=("0 0 * * *",), timezone="Asia/Tokyo", text="@daily")
    assert rows("dags", "details", "etl") == rows("dags", "show", "etl")
    assert rows("dags", "show", "etl")["timezone"] == "Asia/Tokyo"


def test_labels_of_edges_are_shown(project: Project, bide: Bide, rows: Rows) -> None:
    spec = project.etl()
    before, after = "extract", "load"
    project.put(msgspec.structs.replace(spec, edge_labels=((before, after, "when there is any"),)))
    assert f"{before} (when there is any)" in bide("dags", "show", "etl").stdout
    shown = rows("dags", "show", "etl")
    assert shown["edge_labels"] == [{"source": before, "target": after, "label": "when there is any"}]
    assert shown["tasks"][1]["upstream"] == [before]
