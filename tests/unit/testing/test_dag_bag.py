"""``DagBag``, as tests of integrity use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bide.model.errors import InvalidArgument
from bide.testing import DagBag

DAG = """
from bide import DAG, EmptyOperator
with DAG("{0}", tags=["{0}"]):
    EmptyOperator(task_id="a") >> EmptyOperator(task_id="b")
"""

#: As authors write it for Airflow.
INTEGRITY = """
import pytest
from airflow.models import DagBag

def test_no_import_errors():
    dag_bag = DagBag(dag_folder="dags/", include_examples=False)
    assert len(dag_bag.import_errors) == 0, f"DAG import errors: {dag_bag.import_errors}"

def test_dag_has_no_cycles():
    dag_bag = DagBag(dag_folder="dags/", include_examples=False)
    for dag_id, dag in dag_bag.dags.items():
        dag.test_cycle()

def test_dag_tags_exist():
    dag_bag = DagBag(dag_folder="dags/", include_examples=False)
    assert dag_bag.size() == 2
    for dag_id, dag in dag_bag.dags.items():
        assert dag.tags, f"DAG {dag_id} must have tags"
"""


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    folder = tmp_path / "dags"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.py").write_text(DAG.format(name))
    return folder


def test_what_is_in_it(dags: Path) -> None:
    bag = DagBag(dags)
    assert bag.import_errors == {}
    assert bag.dag_ids == ["one", "two"]
    assert bag.size() == len(bag.dags) == 2
    dag = bag.get_dag("one")
    assert dag is not None
    assert dag.task_ids == ["a", "b"]
    assert bag.get_dag("three") is None
    assert {(stat.file, stat.dag_num, stat.task_num) for stat in bag.dagbag_stats} == {
        (str(dags / "one.py"), 1, 2),
        (str(dags / "two.py"), 1, 2),
    }
    assert "2 files, 2 DAGs, 4 tasks, 0 with errors" in bag.dagbag_report()


def test_what_is_wrong_is_told_by_file(dags: Path) -> None:
    (dags / "broken.py").write_text("from bide import DAG\nimport no_such_module\n")
    (dags / "same.py").write_text(DAG.format("one"))
    (dags / "circle.py").write_text(DAG.format("circle") + "    _ = dag\n")
    bag = DagBag(dags)
    assert set(bag.import_errors) == {str(dags / name) for name in ("broken.py", "circle.py", "same.py")}
    assert "No module named 'no_such_module'" in bag.import_errors[str(dags / "broken.py")]
    assert f"is taken: {dags / 'one.py'} makes" in bag.import_errors[str(dags / "same.py")]
    assert bag.dag_ids == ["one", "two"]


def test_ignored_files_and_files_without_dags_are_left_out(dags: Path) -> None:
    (dags / ".airflowignore").write_text("two.py\n")
    (dags / "helper.py").write_text("1 / 0\n")
    assert DagBag(dags).dag_ids == ["one"]
    assert list(DagBag(dags, safe_mode=False).import_errors) == [str(dags / "helper.py")]


def test_one_file_and_a_file_that_is_read_again(dags: Path) -> None:
    bag = DagBag(dags / "one.py")
    assert bag.dag_ids == ["one"]
    (dags / "one.py").write_text(DAG.format("renamed"))
    (dag,) = bag.process_file(dags / "one.py")
    assert dag.dag_id == "renamed"
    assert bag.dag_ids == ["renamed"]
    assert len(bag.dagbag_stats) == 1


def test_an_empty_bag_and_a_folder_that_is_not_there(dags: Path) -> None:
    assert DagBag(dags, collect_dags=False).dag_ids == []
    missing = str(dags / "nowhere")
    assert DagBag(missing).import_errors == {missing: f"there is no file or folder {missing}"}


def test_the_folder_is_by_default_that_of_the_project(dags: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(dags.parent)
    assert DagBag().dag_ids == ["one", "two"]


def test_arguments_of_airflow_that_mean_nothing_here(dags: Path) -> None:
    DagBag(dags, True, load_op_links=False, known_pools=None, bundle_path=None, bundle_name="x")
    with pytest.raises(InvalidArgument, match="tests have no database"):
        DagBag(dags, read_dags_from_db=True)
    with pytest.raises(InvalidArgument, match="no argument 'safemode'; did you mean 'safe_mode'"):
        DagBag(dags, safemode=False)


def test_a_file_of_tests_written_for_airflow(dags: Path) -> None:
    (dags.parent / "test_dag_integrity.py").write_text(INTEGRITY)
    (dags.parent / "pytest.ini").write_text("[pytest]\n")  # and not what lies further up
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_dag_integrity.py"],
        cwd=dags.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
