"""Mapped tasks with real commands and real workers."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder

COUNT = 60


@pytest.fixture(scope="module")
def project(make_folder: MakeFolder) -> Folder:
    return make_folder("mapping.py")


@pytest.fixture(scope="module")
def run(project: Folder) -> DagRun:
    return project.dag_run("dags/mapping.py")


def test_each_instance_has_its_own_element(run: DagRun) -> None:
    found = [one for one in run.done.json["tasks"] if one["task_id"] == "use"]
    assert [one["map_index"] for one in found] == list(range(COUNT))
    assert [one["xcom"].get("return_value") for one in found] == [None if n == 7 else 3 * n for n in range(COUNT)]
    assert [one["state"] for one in found].count("failed") == 1
    assert run.result("total") == 3 * (sum(range(COUNT)) - 7)
    assert f"sum of {COUNT - 1}" in run.log("total")
    assert run.result("join") == "ppqq"


def test_single_instances_in_commands(project: Folder, run: DagRun) -> None:
    shown = project.ask("tasks", "show", "mapping", "use", "--map-index", "7")
    assert (shown["state"], shown["error"]) == ("failed", "ValueError: seven")
    assert "ValueError: seven" in project.run("tasks", "logs", "mapping", "use", "--map-index", "7").stdout
    cleared = project.ask("tasks", "clear", "mapping", "-t", "^use$", "--map-index", "7", "--dry-run")
    assert [(one["task_id"], one["map_index"]) for one in cleared] == [("use", 7)]
    names = {
        one["map_index"]: one["name"] for one in project.ask("tasks", "list", "mapping") if one["task_id"] == "use"
    }
    assert names[7] == "row 7"
