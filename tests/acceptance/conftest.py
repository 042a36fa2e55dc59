"""Project folders for real commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import Folder

#: DAG files with a task for each of many cases.
DAG_FILES = Path(__file__).parent / "dags"

MakeFolder = Callable[..., Folder]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty project."""
    return Folder(tmp_path / "project")


@pytest.fixture(scope="module")
def make_folder(tmp_path_factory: pytest.TempPathFactory) -> MakeFolder:
    """Makes a project with these DAG files, which the tests of a module share."""

    def make(*names: str) -> Folder:
        made = Folder(tmp_path_factory.mktemp("shared") / "project")
        made.copy(*(DAG_FILES / name for name in names))
        return made

    return make
