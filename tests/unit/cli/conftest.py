"""A project folder with a store, as commands find them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from typer.testing import CliRunner, Result

from bide.cli.app import app
from bide.control.create_run import create_run
from bide.control.register_file import register_file
from bide.model.dag_spec import DagSpec, ScheduleSpec, TaskSpec
from bide.model.states import TRANSITIONS
from bide.observe.clock import SystemClock
from bide.store import Keyring, Store, Tx, transitions
from bide.store.migrate import upgrade
from bide.store.transitions import Guard
from bide.store.views import list_instances
from bide.wire.messages import FileParsed
from tests.support.keys import KEY

T = TypeVar("T")
DATE = datetime(2026, 3, 29, tzinfo=UTC)


@dataclass
class Project:
    """One project, changed by a test from outside of any command."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / ".bide"

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a transaction."""

        async def change(store: Store) -> T:
            return await store.write(work)

        return self.use(change)

    def use(self, work: Callable[[Store], Any]) -> Any:
        """Do `work` with the open store."""

        async def do() -> Any:
            store = Store.open(f"sqlite:///{self.home}/bide.db", SystemClock(), Keyring.of(KEY))
            upgrade(store)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(do())

    def put(self, *specs: DagSpec) -> None:
        """Store DAGs of ``dags/etl.py``."""
        path = str(self.folder / "dags" / "etl.py")
        parsed = FileParsed(path=path, dags=specs, errors=(), inputs={}, duration=0.1)
        self.use(
            lambda store: register_file(store, parsed, folder=str(self.folder / "dags"), paused_at_creation=False)
        )

    def etl(self, dag_id: str = "etl", *tags: str) -> DagSpec:
        """A DAG of three tasks in a row."""
        return DagSpec(
            dag_id=dag_id,
            file=str(self.folder / "dags" / "etl.py"),
            folder=str(self.folder / "dags"),
            # Not in the order in which they run.
            tasks=(
                TaskSpec("report", operator="PythonOperator", upstream=("load",)),
                TaskSpec("extract", operator="PythonOperator", retries=2),
                TaskSpec("load", operator="PythonOperator", upstream=("extract",)),
            ),
            schedule=ScheduleSpec(kind="cron", expressions=("0 0 * * *",), text="@daily"),
            tags=tags,
            owner="ada",
        )

    def run(self, run_id: str, dag_id: str = "etl", **more: Any) -> None:
        """Make a run."""
        self.use(lambda store: create_run(store, dag_id, run_id=run_id, logical_date=DATE, by="ada", **more))

    def move(self, run_id: str, task_id: str, *names: str, **sets: Any) -> str:
        """Take an instance through these transitions; its uid. `sets` are set with the last one."""

        def work(tx: Tx) -> str:
            for number, name in enumerate(names, start=1):
                rows, _ = list_instances(tx, dag_id="etl", run_id=run_id)
                one = next(row for row in rows if row.task_id == task_id)
                epoch = tx.conn.exec_driver_sql(
                    "SELECT epoch FROM task_instance WHERE uid = ?", (one.uid,)
                ).scalar_one()
                guard = Guard(one.uid, epoch, sets if number == len(names) else {})
                assert name in TRANSITIONS
                assert transitions.apply(tx, name, [guard], by="test"), name
            return one.uid

        return self.write(work)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The current folder of the test's commands."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "etl.py").write_text("# made by the test\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BIDE_HOME", raising=False)
    monkeypatch.setenv("BIDE__CORE__FERNET_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "200")
    return Project(tmp_path)


@pytest.fixture
def bide() -> Callable[..., Result]:
    """Runs a command in this process."""
    runner = CliRunner()

    def invoke(*arguments: str) -> Result:
        return runner.invoke(app, list(arguments))

    return invoke


@pytest.fixture
def rows(bide: Callable[..., Result]) -> Callable[..., Any]:
    """What a command prints with ``--output json``."""

    def ask(*arguments: str) -> Any:
        result = bide(*arguments, "--output", "json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return ask
