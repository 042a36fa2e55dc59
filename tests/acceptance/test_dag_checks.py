"""``bide dags lint``, ``report``, ``reserialize`` and ``test``, and DAGs made by code."""

from __future__ import annotations

import json

import pytest

from tests.support.commands import Folder

GOOD = """
from bide import DAG, task

with DAG("good", params={"a": 0}):

    @task
    def one(params):
        print("given", dict(params))
        return 1

    @task
    def two(x):
        assert x == 1

    two(one())
"""
FAILS = """
from bide import DAG, task

with DAG("fails"):

    @task
    def bad():
        raise ValueError("no")

    bad()
"""
MANY = """
import json, pathlib
from bide import DAG, EmptyOperator, get_parsing_context

asked = get_parsing_context().dag_id
made = []
for name in json.loads((pathlib.Path(__file__).parent / "names.json").read_text()):
    if asked in (None, name):
        made.append(name)
        with DAG(name):
            EmptyOperator(task_id="a")
"""


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.dag("good", GOOD)
    return folder


def test_lint_names_file_and_line_and_rule(project: Folder) -> None:
    assert project.run("dags", "lint").returncode == 0
    assert project.ask("dags", "lint") == []
    broken = project.dag("broken", "from bide import DAG\n\nimport no_such_module\n")
    same = project.dag("same", GOOD)
    project.dag("empty", 'from bide import DAG\nDAG("empty")\n')
    done = project.run("dags", "lint")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith(f"{broken}:3: error: ModuleNotFoundError: ")
    assert done.stdout.splitlines()[0].endswith("[import-error]")
    assert "4 files, 2 DAGs: 2 errors, 1 warnings" in done.stderr
    found = {(one["file"], one["rule"], one["level"]) for one in project.ask("dags", "lint", code=1)}
    assert (str(broken), "import-error", "error") in found
    assert (str(same), "duplicate-dag", "error") in found
    assert {level for _, rule, level in found if rule == "empty-dag"} == {"warning"}


def test_warnings_count_if_people_say_so(project: Folder) -> None:
    path = project.dag("empty", 'from bide import DAG\nDAG("empty")\n')
    assert project.run("dags", "lint", str(path)).returncode == 0
    assert project.run("dags", "lint", str(path), "--strict").returncode == 1
    assert "there is no file or folder" in project.refused("dags", "lint", "nowhere.py", code=2)


def test_one_file_of_a_folder_imports_what_the_folder_has(project: Folder) -> None:
    (project.dags / "shared_names.py").write_text("NAME = 'good'\n")
    (project.dags / "sub").mkdir()
    path = project.dag("sub/one", "from shared_names import NAME\n" + GOOD.replace('"good"', "NAME"))
    assert project.run("dags", "lint", str(path), "--strict").returncode == 0


def test_report_tells_of_each_file(project: Folder) -> None:
    project.dag("broken", "from bide import DAG\n1 / 0\n")
    rows = {row["file"].rsplit("/", 1)[1]: row for row in project.ask("dags", "report")}
    good, broken = rows["good.py"], rows["broken.py"]
    assert (good["dags"], good["tasks"], good["errors"]) == (1, 2, 0)
    assert (broken["dags"], broken["tasks"], broken["errors"]) == (0, 0, 1)
    assert 0 < good["seconds"] < 60


def test_reserialize_stores_what_the_files_make(project: Folder) -> None:
    other = project.dag("other", GOOD.replace('"good"', '"other"'))
    assert project.ask("dags", "reserialize") == {"dags": 2, "forgotten": 0, "errors": 0}
    other.unlink()
    project.dag("broken", "from bide import DAG\n1 / 0\n")
    assert project.ask("dags", "reserialize", code=1) == {"dags": 1, "forgotten": 1, "errors": 1}
    assert project.ask("runs", "list", "good") == []


def test_a_dag_is_tested_without_a_trace(project: Folder) -> None:
    done = project.run("dags", "test", "good", "2026-03-01", "--conf", '{"a": 1}')
    assert done.returncode == 0, str(done)
    assert "given {'a': 1}\n" in done.stdout
    assert "DAG good, run manual__2026-03-01T00:00:00+00:00: success" in done.stdout
    shown = project.ask("dags", "test", "good")
    assert [(task["task_id"], task["state"]) for task in shown["tasks"]] == [("one", "success"), ("two", "success")]
    assert not project.store.exists()


def test_a_run_that_fails_is_exit_code_1(project: Folder) -> None:
    project.dag("fails", FAILS)
    shown = project.ask("dags", "test", "fails", code=1)
    assert shown["state"] == "failed"
    assert shown["tasks"][0]["error"] == "ValueError: no"
    assert project.ask("dags", "test", "fails", "--mark-success-pattern", "bad")["state"] == "success"
    assert "no DAG 'nix'" in project.refused("dags", "test", "nix", code=1)


def test_dags_of_a_table_and_ignored_files(project: Folder) -> None:
    names = project.dags / "names.json"
    names.write_text(json.dumps([f"many_{number}" for number in range(50)]))
    project.dag("many", MANY)
    project.dag("left_out", "from bide import DAG\n1 / 0\n")
    (project.dags / ".airflowignore").write_text("left_out.py\n")
    assert len(project.ask("dags", "list")) == 51
    assert project.dag_run("many_7").state == "success"
    names.write_text(json.dumps(["other"]))
    assert {row["dag_id"] for row in project.ask("dags", "list")} == {"good", "other"}
