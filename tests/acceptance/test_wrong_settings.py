"""Settings and arguments that can't be: each is refused by name and source, before anything is made."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.commands import Folder

GOOD = """
from bide import DAG, task

with DAG("good"):
    @task
    def fine():
        return 1

    fine()
"""

#: Content of bide.toml, and what is said of it after its path.
FILES: Final = [
    ("[core\nparallelism = 4\n", " is not valid TOML: Expected ']'"),
    ("[core]\nparalellism = 4\n", ":2: section [core] has no setting 'paralellism'; did you mean parallelism?"),
    ('[core]\n\nparallelism = "4"\n', ':3: core.parallelism is integer >= 1, not "4"'),
    ("[cor]\nparallelism = 4\n", ":1: there is no section [cor]; did you mean core?"),
    ("parallelism = 4\n", ":1: parallelism = ... stands outside of a section"),
    ('[logging]\nlog_filename_template = "{dag}.log"\n', ":2: logging.log_filename_template: log template"),
]
VARIABLES: Final = [
    ("BIDE__CORE__PARALELISM", "2", "section [core] has no setting 'paralelism'; did you mean parallelism?"),
    ("BIDE__CORE__PARALLELISM", "many", "core.parallelism is integer >= 1, not 'many'"),
    ("BIDE__STORE__URL", "mysql://x", "store.url must be sqlite:/// and a path, or postgresql://"),
    ("BIDE__CORE__DEFAULT_TIMEZONE", "Europe/Nowhere", "no time zone is called 'Europe/Nowhere'"),
]
ARGUMENTS: Final = [
    ("run good --conf {", 2, "--conf is not JSON: "),
    ("run good --conf [1]", 2, "--conf must be a JSON object such as '{\"key\": 1}', not [1]"),
    ("run good --logical-date tomorrow", 2, "--logical-date 'tomorrow' is no date: write 2026-03-29 or"),
    ("run good --dag other", 2, "makes no DAG 'other', only good"),
    ("run dags/other.py", 2, "there is no file"),
    ("run other", 1, "no DAG 'other' in"),
    ("run good --resume nix", 1, "DAG 'good' has no run 'nix' to resume (see `bide runs list good`)"),
    ("run good --dags nowhere", 2, "--dags nowhere: there is no such folder"),
    ("standalone --port 99999", 2, "--port"),
    ("standalone --port 0 --host not-a-host.invalid", 2, "the API can't listen at 'not-a-host.invalid'"),
]


@pytest.fixture
def good(folder: Folder) -> Folder:
    folder.dag("good", GOOD)
    return folder


@pytest.mark.parametrize(("text", "words"), FILES)
def test_a_wrong_file_is_refused_with_its_line(good: Folder, text: str, words: str) -> None:
    path = good.path / "bide.toml"
    path.write_text(text)
    assert f"bide: {path}{words}" in good.refused("run", "good", code=2)
    assert not good.home.exists()


@pytest.mark.parametrize(("variable", "value", "words"), VARIABLES)
def test_a_wrong_variable_is_refused_by_its_name(good: Folder, variable: str, value: str, words: str) -> None:
    said = good.refused("standalone", "--port", "0", code=2, **{variable: value})
    assert said.startswith(f"bide: {variable}: ")
    assert words in said
    assert not good.home.exists()


@pytest.mark.parametrize(("arguments", "code", "words"), ARGUMENTS)
def test_a_wrong_argument_is_refused(good: Folder, arguments: str, code: int, words: str) -> None:
    assert words in good.refused(*arguments.split(), code=code)
    assert not good.store.exists() or good.ask("runs", "list") == []


def test_without_a_folder_of_dags_it_says_where_it_looked(folder: Folder) -> None:
    folder.dags.rmdir()
    said = folder.refused("run", "good", code=1)
    assert f"there is no file 'good', and no folder {folder.dags} to look for a DAG of that id" in said
    assert folder.refused("runs", "list", code=3).startswith(f"bide: there is no store {folder.store} yet")


def test_where_a_setting_comes_from_is_shown(good: Folder) -> None:
    (good.path / "bide.toml").write_text("[core]\nparallelism = 4\n\n[parsing]\nprocesses = 1\n")
    rows = good.ask("config", "show", BIDE__PARSING__PROCESSES="3")
    shown = {row["setting"]: (row["value"], row["source"]) for row in rows}
    assert shown["core.parallelism"] == (4, f"{good.path / 'bide.toml'}:2")
    assert shown["parsing.processes"] == (3, "BIDE__PARSING__PROCESSES")
    assert shown["api.port"] == (8080, "default")
