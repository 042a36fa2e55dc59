"""Deadlines over HTTP."""

from __future__ import annotations

import httpx
import msgspec
import pytest

from bide.control.create_run import create_run
from bide.engine.scheduler.duties.miss_deadlines import MissDeadlines
from bide.engine.scheduler.scope import Scope
from bide.model.dag_spec import DeadlineSpec, TaskSpec
from bide.store import Store
from tests.support.clock import HeldClock
from tests.unit.api.conftest import etl, put_file

DEADLINES = "/api/v2/deadlines"


@pytest.fixture
async def late(store: Store, dags: None, clock: HeldClock) -> None:
    """A run with a missed sla, and one to come."""
    spec = msgspec.structs.replace(
        etl("late", tasks=(TaskSpec("extract", sla=60.0),)), deadlines=(DeadlineSpec("queued_at", 3600.0, "noon"),)
    )
    await put_file(store, "/dags/late.py", msgspec.structs.replace(spec, file="/dags/late.py"))
    await create_run(store, "late", run_id="r1", by="test")
    clock.advance(61)
    await MissDeadlines(store, Scope()).run()


async def test_deadlines_are_listed(admin: httpx.AsyncClient, late: None) -> None:
    found = (await admin.get(DEADLINES)).json()
    assert found["total_entries"] == 2
    noon, sla = found["deadlines"]
    assert (noon["alert_name"], noon["task_id"], noon["missed"], noon["reference"]) == (
        "noon",
        None,
        False,
        "queued_at",
    )
    assert (sla["dag_run_id"], sla["task_id"], sla["missed"], sla["callback_pending"]) == (
        "r1",
        "extract",
        True,
        False,
    )


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"missed": "true"}, ["extract"]),
        ({"missed": "false"}, [None]),
        ({"dag_run_id": "r2"}, []),
        ({"dag_id": "late", "limit": "1"}, [None]),
    ],
)
async def test_some_deadlines(
    admin: httpx.AsyncClient, late: None, params: dict[str, str], names: list[str | None]
) -> None:
    found = (await admin.get(DEADLINES, params=params)).json()
    assert [one["task_id"] for one in found["deadlines"]] == names
