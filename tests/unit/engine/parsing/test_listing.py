"""Which files are DAG files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bide.engine.parsing.listing import Lister, Source, stamp

DAG = "from bide import DAG\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    for name in ("a.py", "sub/b.py", "sub/deep/c.py"):
        (tmp_path / name).write_text(DAG)
    return tmp_path


def names(folder: Path, lister: Lister | None = None) -> list[str]:
    listed = (lister or Lister()).list([Source.of(folder)])
    return [str(Path(path).relative_to(folder)) for path, one in listed.items() if one.is_dag_file]


def test_dag_files_are_found_at_any_depth(folder: Path):
    assert names(folder) == ["a.py", "sub/b.py", "sub/deep/c.py"]


def test_hidden_and_compiled_files_are_left_out(folder: Path):
    for name in (".venv", "sub/.hidden", "__pycache__"):
        (folder / name).mkdir()
        (folder / name / "x.py").write_text(DAG)
    (folder / ".y.py").write_text(DAG)
    (folder / "notes.txt").write_text(DAG)
    assert names(folder) == ["a.py", "sub/b.py", "sub/deep/c.py"]


def test_safe_mode_wants_both_words(folder: Path):
    (folder / "d.py").write_text("from AIRFLOW import models  # Dag\n")
    (folder / "helper.py").write_text("import os\n")
    (folder / "almost.py").write_text("dag = 1\n")
    assert "d.py" in names(folder)
    assert not {"helper.py", "almost.py"} & set(names(folder))
    assert {"helper.py", "almost.py"} <= set(names(folder, Lister(safe_mode=False)))


def test_a_single_file_always_counts(folder: Path):
    plain = folder / "plain.py"
    plain.write_text("x = 1\n")
    listed = Lister().list([Source.of(plain)])
    assert list(listed) == [str(plain)]
    assert listed[str(plain)].is_dag_file
    assert listed[str(plain)].folder == str(folder)


def test_folders_that_link_to_each_other_end(folder: Path):
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "sub" / "deep" / "around").symlink_to(folder / "sub")
    assert names(folder) == ["a.py", "sub/b.py", "sub/deep/c.py"]


def test_a_linked_folder_elsewhere_is_listed(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "z.py").write_text(DAG)
    (folder / "linked").symlink_to(elsewhere)
    assert "linked/z.py" in names(folder)


def test_a_broken_link_and_a_missing_folder_are_no_files(folder: Path):
    (folder / "gone.py").symlink_to(folder / "nowhere.py")
    assert "gone.py" not in names(folder)
    assert Lister().list([Source.of(folder / "none")]) == {}


def test_an_unchanged_file_is_not_read_again(folder: Path):
    lister = Lister()
    names(folder, lister)
    path = folder / "a.py"
    before = path.stat()
    path.write_text("x" * len(DAG))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "a.py" in names(folder, lister)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert "a.py" not in names(folder, lister)


def test_the_stamp_of_a_file_that_is_gone(tmp_path: Path):
    assert stamp(str(tmp_path / "none")) is None
