"""The API over a real store, asked without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from bide.api.app import create_app
from bide.api.auth import Accounts
from bide.api.live import Pulse
from bide.control.register_file import register_file
from bide.model.dag_spec import DagSpec, ScheduleSpec, TaskSpec
from bide.model.log_path import LogLayout
from bide.store import Store
from bide.wire.messages import FileError, FileParsed
from bide.wire.progress import Progress
from bide.wire.statistics import TriggererStatistics
from tests.support.clock import HeldClock

PASSWORD = "correct horse"


class KnownLive:
    """Answers live questions with what the test put there."""

    def __init__(self) -> None:
        self.parts: dict[str, Pulse] = {}
        self.looks: dict[str, datetime] = {}
        self.known_triggerers: list[TriggererStatistics] = []

    async def pulses(self) -> Mapping[str, Pulse]:
        return self.parts

    async def triggerers(self) -> Sequence[TriggererStatistics]:
        return self.known_triggerers

    async def progress(self, wait_ids: Sequence[str]) -> Mapping[str, Progress]:
        return {wait_id: Progress("stage 2", 0.25) for wait_id in wait_ids if wait_id in self.looks}

    async def next_looks(self, wait_ids: Sequence[str]) -> Mapping[str, datetime]:
        return {wait_id: self.looks[wait_id] for wait_id in wait_ids if wait_id in self.looks}

    async def where(self, wait_ids: Sequence[str]) -> Mapping[str, str]:
        return {wait_id: "trigger-1" for wait_id in wait_ids if wait_id in self.looks}


@pytest.fixture
def live() -> KnownLive:
    return KnownLive()


@pytest.fixture
async def dags(store: Store) -> None:
    """Two DAGs of one file."""
    await put_file(store, "/dags/etl.py", etl("etl", "daily", "Finance"), etl("report", "Finance"))


@pytest.fixture
def app(store: Store, dags: None, no_blocking: None, clock: HeldClock, live: KnownLive, tmp_path: Path) -> FastAPI:
    accounts = Accounts(PASSWORD, clock, token_lifetime=60.0)
    return create_app(
        store,
        live=live,
        accounts=accounts,
        logs=LogLayout(tmp_path / "logs"),
        host_names=["bide.example"],
    )


@pytest.fixture
async def anyone(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Someone without credentials."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        yield client


@pytest.fixture
async def admin(anyone: httpx.AsyncClient) -> httpx.AsyncClient:
    """The user, by HTTP Basic."""
    anyone.auth = httpx.BasicAuth("admin", PASSWORD)
    return anyone


def etl(dag_id: str, *tags: str, tasks: tuple[TaskSpec, ...] | None = None) -> DagSpec:
    """A DAG of two tasks."""
    return DagSpec(
        dag_id=dag_id,
        file="/dags/etl.py",
        folder="/dags",
        tasks=tasks or (TaskSpec("extract", operator="PythonOperator"), TaskSpec("load", upstream=("extract",))),
        schedule=ScheduleSpec(text="@daily"),
        description=f"The {dag_id}.",
        tags=tags,
        owner="ada, bob",
    )


async def put_file(store: Store, path: str, *specs: DagSpec, errors: tuple[FileError, ...] = ()) -> None:
    """Store what a parse of `path` would have found."""
    parsed = FileParsed(path=path, dags=specs, errors=errors, inputs={}, duration=0.1)
    await register_file(store, parsed, folder="/dags", paused_at_creation=False)
