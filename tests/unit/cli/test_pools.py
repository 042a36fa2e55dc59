"""``bide pools``: made, shown, moved by files, deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from typer.testing import Result

from bide.model.dag_spec import TaskSpec
from tests.unit.cli.conftest import Project

Bide = Callable[..., Result]
Rows = Callable[..., Any]


def test_a_pool_is_made_before_there_is_a_store(project: Project, bide: Bide, rows: Rows) -> None:
    done = bide("pools", "set", "spark_pool", "5", "Limits concurrent Spark jobs")
    assert done.exit_code == 0, done.output
    assert done.stderr == "pool spark_pool has 5 slots\n"
    shown = rows("pools", "get", "spark_pool")
    assert shown == {
        "pool": "spark_pool",
        "slots": 5,
        "open": 5,
        "running": 0,
        "queued": 0,
        "scheduled": 0,
        "deferred": 0,
        "include_deferred": False,
        "description": "Limits concurrent Spark jobs",
    }
    assert [row["pool"] for row in rows("pools", "list")] == ["default_pool", "spark_pool"]


def test_a_pool_is_changed_and_deleted(project: Project, bide: Bide, rows: Rows) -> None:
    assert bide("pools", "set", "p", "5").exit_code == 0
    assert bide("pools", "set", "p", "-1", "--include-deferred").exit_code == 0
    shown = rows("pools", "get", "p")
    assert (shown["slots"], shown["open"], shown["include_deferred"]) == (-1, None, True)
    assert bide("pools", "delete", "p").exit_code == 0
    gone = bide("pools", "get", "p")
    assert (gone.exit_code, gone.stderr) == (1, "bide: there is no pool 'p'\n")


def test_pools_go_to_a_file_and_back(project: Project, bide: Bide, rows: Rows) -> None:
    bide("pools", "set", "a", "1", "first")
    bide("pools", "set", "b", "2", "--include-deferred")
    assert bide("pools", "export", "pools.json").exit_code == 0
    file = project.folder / "pools.json"
    assert json.loads(file.read_text()) == {
        "a": {"slots": 1, "description": "first", "include_deferred": False},
        "b": {"slots": 2, "description": "", "include_deferred": True},
        "default_pool": {"slots": 128, "description": "Tasks that name no pool", "include_deferred": False},
    }
    assert json.loads(bide("pools", "export").stdout) == json.loads(file.read_text())
    file.write_text('{"a": {"slots": 9}, "c": {"slots": 3, "description": "new"}}')
    assert bide("pools", "import", "pools.json").stderr == "2 pools imported\n"
    assert {row["pool"]: row["slots"] for row in rows("pools", "list")} == {
        "a": 9,
        "b": 2,
        "c": 3,
        "default_pool": 128,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "pools must be a JSON object"),
        ("{", "is not JSON"),
        ('{"p": {}}', "pool 'p' must be an object with the field slots"),
        ('{"p": {"slots": "5"}}', "pool 'p': slots must be an integer"),
        ('{"p": {"slots": 5, "size": 1}}', "unknown field 'size'"),
        ('{"p": {"slots": 5, "include_deferred": "yes"}}', "include_deferred true or false"),
    ],
)
def test_a_file_that_can_not_be_read_changes_nothing(project: Project, bide: Bide, text: str, said: str) -> None:
    (project.folder / "pools.json").write_text(text)
    done = bide("pools", "import", "pools.json")
    assert done.exit_code == 2
    assert said in done.stderr
    assert bide("pools", "import", "missing.json").exit_code == 2


def test_a_task_without_its_pool_says_so(project: Project, rows: Rows) -> None:
    spec = project.etl("etl")
    project.put(msgspec.structs.replace(spec, tasks=(TaskSpec("a", pool="gone"),)))
    project.run("first")
    project.move("first", "a", "schedule")
    (row,) = rows("tasks", "list", "etl")
    assert row["held"] == "there is no pool 'gone': make it with `bide pools set gone SLOTS`"
