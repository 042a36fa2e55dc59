"""``.airflowignore`` and ``.bideignore``."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bide.engine.parsing.ignoring import IgnoreSyntax
from bide.engine.parsing.listing import Lister, Source

DAG = "from bide import DAG\n"
FILES = ("a.py", "b_test.py", "legacy/old.py", "legacy/kept.py", "sub/a.py", "sub/deep/x.py")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(DAG)
    return tmp_path


def left_out(folder: Path, syntax: IgnoreSyntax = "glob", lister: Lister | None = None) -> set[str]:
    found = (lister or Lister(ignore_syntax=syntax)).list([Source(folder)])
    return set(FILES) - {str(Path(path).relative_to(folder)) for path in found}


def test_nothing_is_left_out_by_itself(folder: Path) -> None:
    assert left_out(folder) == set()


@pytest.mark.parametrize("name", [".airflowignore", ".bideignore"])
@pytest.mark.parametrize(
    ("lines", "gone"),
    [
        ("*_test.py", {"b_test.py"}),
        ("a.py", {"a.py", "sub/a.py"}),
        ("/a.py", {"a.py"}),
        ("# all of it\nlegacy/", {"legacy/old.py", "legacy/kept.py"}),
        ("legacy/*\n!legacy/kept.py", {"legacy/old.py"}),
        ("sub/**/x.py", {"sub/deep/x.py"}),
        ("**/*.py", set(FILES)),
        ("\n\n", set()),
    ],
)
def test_globs_are_those_of_a_gitignore(folder: Path, name: str, lines: str, gone: set[str]) -> None:
    (folder / name).write_text(lines)
    assert left_out(folder) == gone


@pytest.mark.parametrize(
    ("lines", "gone"),
    [
        ("legacy", {"legacy/old.py", "legacy/kept.py"}),
        ("_test  # of tests", {"b_test.py"}),
        ("^a\\.py$", {"a.py"}),
        ("sub/.*x", {"sub/deep/x.py"}),
        ("old|deep", {"legacy/old.py", "sub/deep/x.py"}),
    ],
)
def test_regular_expressions_are_found_in_the_path(folder: Path, lines: str, gone: set[str]) -> None:
    (folder / ".airflowignore").write_text(lines)
    assert left_out(folder, "regexp") == gone


def test_a_file_counts_for_its_folder_and_below(folder: Path) -> None:
    (folder / "sub" / ".airflowignore").write_text("a.py\nx.py\n")
    assert left_out(folder) == {"sub/a.py", "sub/deep/x.py"}
    (folder / "sub" / "deep" / ".bideignore").write_text("!x.py\n")
    assert left_out(folder) == {"sub/a.py"}


def test_expressions_of_a_deeper_folder_meet_the_whole_path(folder: Path) -> None:
    """As in Airflow: from the folder of all DAGs, wherever the file lies."""
    (folder / "sub" / ".airflowignore").write_text("^sub/a\n")
    assert left_out(folder, "regexp") == {"sub/a.py"}


def test_the_own_file_has_globs_whatever_the_setting(folder: Path) -> None:
    (folder / ".bideignore").write_text("*_test.py\n")
    assert left_out(folder, "regexp") == {"b_test.py"}


def test_a_line_that_is_no_expression_is_told_and_the_others_count(folder: Path) -> None:
    (folder / ".airflowignore").write_text("*_test.py\nlegacy\n")
    with capture_logs() as said:
        assert left_out(folder, "regexp") == {"legacy/old.py", "legacy/kept.py"}
    (line,) = said
    assert (line["line"], line["event"]) == (1, "ignore_line_skipped")
    assert "'*_test.py' is no regular expression" in line["error"]


def test_a_changed_file_counts_at_once(folder: Path) -> None:
    lister = Lister()
    (folder / ".bideignore").write_text("a.py\n")
    assert left_out(folder, lister=lister) == {"a.py", "sub/a.py"}
    (folder / ".bideignore").write_text("legacy/old.py\n")
    assert left_out(folder, lister=lister) == {"legacy/old.py"}
    (folder / ".bideignore").unlink()
    assert left_out(folder, lister=lister) == set()
