"""Which file and which DAG `bide run` means, and how it says that there is none."""

from __future__ import annotations

import asyncio

import pytest

from bide.cli.exit_codes import BadInput
from bide.cli.run.target import choose_dag, find_target
from bide.config.load import load_config
from bide.wire.messages import FileError, FileParsed
from tests.support.dag_specs import dag_spec, parsed

from .conftest import Project

BROKEN = FileError("SyntaxError: invalid syntax (etl.py, line 2)", "Traceback ...", 2)


def test_a_file_of_the_dags_folder_is_imported_from_there(project: Project) -> None:
    config = load_config(project.folder, {})
    target = asyncio.run(find_target(config, "dags/etl.py"))
    assert (target.path, target.folder, target.dag_id) == (
        project.folder / "dags" / "etl.py",
        project.folder / "dags",
        None,
    )


def test_a_file_elsewhere_is_imported_from_its_own_folder(project: Project) -> None:
    (project.folder / "examples").mkdir()
    file = project.folder / "examples" / "one.py"
    file.write_text("")
    target = asyncio.run(find_target(load_config(project.folder, {}), "examples/one.py"))
    assert (target.path, target.folder) == (file, file.parent)


def test_an_id_means_the_file_that_made_it_last(project: Project) -> None:
    project.put(project.etl())
    target = asyncio.run(find_target(load_config(project.folder, {}), "etl"))
    assert (target.path, target.dag_id) == (project.folder / "dags" / "etl.py", "etl")


def test_a_folder_is_no_file(project: Project) -> None:
    with pytest.raises(BadInput, match="is a folder: name one of its files"):
        asyncio.run(find_target(load_config(project.folder, {}), "./dags"))


def test_the_only_dag_needs_no_name() -> None:
    assert choose_dag(parsed(dag_spec("etl")), None).dag_id == "etl"


def test_of_several_one_is_named() -> None:
    several = parsed(dag_spec("etl"), dag_spec("report"))
    assert choose_dag(several, "report").dag_id == "report"
    with pytest.raises(BadInput, match=r"makes several DAGs: choose one with --dag \(etl, report\)"):
        choose_dag(several, None)
    with pytest.raises(BadInput, match="makes no DAG 'nix', only etl, report"):
        choose_dag(several, "nix")


def test_errors_of_the_file_are_told_with_their_traceback() -> None:
    with pytest.raises(BadInput, match=r"invalid syntax \(etl.py, line 2\)\nTraceback"):
        choose_dag(FileParsed("/dags/etl.py", (), (BROKEN,), {}, 0.1), None)


def test_an_error_of_another_dag_is_no_hindrance() -> None:
    other = FileError("DuplicateId: two tasks are called a", dag_id="broken")
    both = parsed(dag_spec("etl"), errors=(other,))
    assert choose_dag(both, "etl").dag_id == "etl"
    with pytest.raises(BadInput, match="two tasks are called a"):
        choose_dag(both, "broken")


def test_a_file_without_dags_says_so() -> None:
    with pytest.raises(BadInput, match="makes no DAG: none was created"):
        choose_dag(FileParsed("/dags/etl.py", (), (), {}, 0.1), None)
