"""``bide db clean``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from bide.store.views import list_runs
from tests.unit.cli.conftest import Project

Bide = Callable[..., Result]


@pytest.fixture
def ended(project: Project) -> Project:
    """Two runs that have ended, and one that has not."""
    project.put(project.etl())
    for run_id in ("r1", "r2", "r3"):
        project.run(run_id)
    return project


def end(bide: Bide) -> None:
    for run_id in ("r1", "r2"):
        assert bide("runs", "cancel", "etl", run_id).exit_code == 0


def left(project: Project) -> set[str]:
    return {row.run_id for row in project.write(lambda tx: list_runs(tx)[0])}


def test_old_runs_are_counted_then_deleted(bide: Bide, ended: Project) -> None:
    end(bide)
    dry = bide("db", "clean", "--older-than", "0", "--dry-run", "-o", "json")
    assert json.loads(dry.stdout)["tables"]["dag_run"] == 2
    assert left(ended) == {"r1", "r2", "r3"}
    done = bide("db", "clean", "--older-than", "0", "--tables", "dag_run", "--archive", "kept")
    assert "deleted 2 dag_run, 6 task_instance, 0 logs; kept in" in done.stderr
    assert left(ended) == {"r3"}
    assert len(list((ended.folder / "kept").glob("history-*.jsonl.gz"))) == 1
    again = bide("db", "clean", "--older-than", "0", "-t", "dag_run", "-o", "json")
    assert json.loads(again.stdout) == {"tables": {"dag_run": 0, "task_instance": 0}, "logs": 0}


def test_the_settings_say_what_is_old(bide: Bide, ended: Project) -> None:
    end(bide)
    assert "say what is old" in bide("db", "clean").stderr
    (ended.folder / "bide.toml").write_text('[retention]\nmax_runs = 2\narchive_folder = "old"\n')
    assert bide("db", "clean").exit_code == 0
    assert left(ended) == {"r2", "r3"}
    assert list((ended.home / "old").iterdir())
    (ended.folder / "bide.toml").write_text('[retention]\nmax_age_days = 0\ndags = ["etl=forever"]\n')
    assert bide("db", "clean").exit_code == 0
    assert left(ended) == {"r2", "r3"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--before", "soon"), "--before 'soon' is no date"),
        (("--before", "2024-01-01", "--older-than", "3"), "say the same"),
        (("--older-than", "3", "--tables", "dag_run,dag"), "there is nothing to clean in 'dag'"),
    ],
)
def test_mistakes(bide: Bide, ended: Project, words: tuple[str, ...], message: str) -> None:
    result = bide("db", "clean", *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_wrong_rule_is_told(bide: Bide, ended: Project) -> None:
    Path("bide.toml").write_text('[retention]\ndags = ["etl"]\n')
    result = bide("db", "clean")
    assert result.exit_code == 2
    assert "'etl' is no rule: write DAG=DAYS" in result.stderr
