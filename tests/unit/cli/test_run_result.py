"""What became of a run, as one object and as lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from bide.cli.run.picture import RunPicture
from bide.cli.run.result import RunResult, failure_lines, leaves_of, load_result, result_lines
from bide.cli.run.snapshot import load_picture
from bide.model.errors import NotFound
from bide.model.log_path import LogLayout
from bide.model.states import RunState, TaskState
from bide.model.values import encode
from bide.store import Tx, xcoms
from bide.store.xcoms import XComRow
from tests.support.waits import put_wait

from .conftest import Project


@pytest.fixture
def ended(project: Project) -> Project:
    """A run whose first task succeeded and whose second failed."""
    project.put(project.etl())
    project.run("mine")
    project.move("mine", "extract", "schedule", "queue", "start", "succeed", try_number=2)
    project.move("mine", "load", "schedule", "queue", "start", "fail", try_number=1, error="ValueError: no rows")

    def leave(tx: Tx) -> None:
        value = encode({"rows": 3, "at": project.folder}, what="XCom")
        xcoms.put(tx, [XComRow("etl", "mine", "extract", -1, "return_value", value)])

    project.write(leave)
    return project


def read(project: Project, work: Callable[[Tx], Any]) -> Any:
    return project.write(work)


def result(project: Project) -> RunResult:
    logs = LogLayout(project.home / "logs")
    return project.write(lambda tx: load_result(tx, "etl", "mine", logs))


def test_the_object_has_the_promised_fields(ended: Project) -> None:
    found = msgspec.to_builtins(result(ended))
    assert list(found) == ["dag_id", "run_id", "state", "logical_date", "tasks"]
    extract, load, report = found["tasks"]
    assert list(extract) == [
        "task_id",
        "map_index",
        "state",
        "states",
        "tries",
        "start",
        "end",
        "error",
        "xcom",
        "log_path",
    ]
    assert extract["states"] == ["scheduled", "queued", "running", "success"]
    assert extract["tries"] == 2
    assert extract["xcom"] == {"return_value": {"rows": 3, "at": str(ended.folder)}}
    log = ended.home / "logs/etl/extract/2026-03-29T00:00:00+00:00/2.log"
    assert extract["log_path"] == str(log)
    assert (load["task_id"], load["state"], load["tries"]) == ("load", "failed", 1)
    assert (extract["error"], load["error"]) == ("", "ValueError: no rows")
    assert (report["state"], report["states"], report["log_path"]) == ("none", [], None)


def test_the_tail_of_a_failed_tasks_log_is_shown(ended: Project) -> None:
    found = result(ended)
    path = ended.home / "logs/etl/load/2026-03-29T00:00:00+00:00/1.log"
    assert failure_lines(found) == ["", f"--- load, try 1: {path}", "(no log)"]
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"line {number}\n" for number in range(100)))
    assert failure_lines(found)[2:] == [f"line {number}" for number in range(70, 100)]


def test_what_the_last_tasks_return_is_shown(ended: Project) -> None:
    found = result(ended)
    assert ended.write(lambda tx: leaves_of(tx, "etl", "mine")) == {"report"}
    assert result_lines(found, frozenset({"report"})) == []
    shown = result_lines(found, frozenset({"extract"}))
    assert shown == [f'extract returned {{"rows":3,"at":"{ended.folder}"}}']


def test_of_mapped_tasks_the_first_results_are_shown(ended: Project) -> None:
    found = result(ended)
    one = found.tasks[0]
    tasks = [msgspec.structs.replace(one, map_index=index, xcom={"return_value": index}) for index in range(12)]
    shown = result_lines(msgspec.structs.replace(found, tasks=tasks), frozenset({"extract"}))
    assert shown[:2] == ["extract[0] returned 0", "extract[1] returned 1"]
    assert shown[9:] == ["extract[9] returned 9", "extract returned 2 more values: see `bide tasks show`"]


def test_a_picture_has_tasks_in_the_order_in_which_they_run(ended: Project) -> None:
    ended.run("other")
    ended.write(lambda tx: put_wait(tx, "etl", "other", "extract"))
    picture: RunPicture = ended.write(lambda tx: load_picture(tx, "etl", "other"))
    assert picture.state is RunState.QUEUED
    assert [task.task_id for task in picture.tasks] == ["extract", "load", "report"]
    extract = picture.tasks[0]
    assert extract.state is TaskState.DEFERRED
    assert extract.tries_allowed == 3
    assert extract.wait is not None
    assert extract.wait.subject == "file /data/orders.csv"
    assert ended.write(lambda tx: load_picture(tx, "etl", "other", with_tasks=False)).tasks == ()


def test_a_run_that_is_not_there(ended: Project) -> None:
    with pytest.raises(NotFound, match="has no run 'nix'"):
        ended.write(lambda tx: load_picture(tx, "etl", "nix"))
