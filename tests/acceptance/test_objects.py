"""Objects of users' classes as results, arguments of triggers and events."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder


@pytest.fixture(scope="module")
def shared(make_folder: MakeFolder) -> Folder:
    return make_folder("objects.py")


@pytest.fixture(scope="module")
def run(shared: Folder) -> DagRun:
    return shared.dag_run("objects", code=1)


def test_classes_of_a_dag_file_go_from_task_to_task(run: DagRun) -> None:
    assert run.result("use") == ["Model", "Table", True]


def test_they_reach_triggers_and_come_back_with_events(run: DagRun) -> None:
    assert run.result("defers") == ["Row", True]


def test_people_see_their_fields(run: DagRun, shared: Folder) -> None:
    assert run.result("make") == {"table": {"rows": [[1, "red"]]}}
    assert shared.ask("tasks", "show", "objects", "make")["xcom"]["return_value"] == run.result("make")


def test_what_can_not_be_stored_is_named_by_its_path(run: DagRun) -> None:
    assert "NotSerializable: return value['why'] is a type, which can't be stored" in run.log("refused")
