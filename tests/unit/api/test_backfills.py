"""Backfills over the API."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bide.store import Store
from tests.support.dag_specs import dag_spec
from tests.unit.api.conftest import put_file

URL = "/api/v2/backfills"


@pytest.fixture(autouse=True)
async def daily(admin: httpx.AsyncClient, store: Store) -> None:
    """A DAG that has dates."""
    await put_file(store, "/dags/daily.py", dag_spec("daily", schedule="@daily", file="/dags/daily.py"))


def body(**more: Any) -> dict[str, Any]:
    return {"dag_id": "daily", "from_date": "2024-01-01T00:00:00Z", "to_date": "2024-01-03T00:00:00Z", **more}


async def test_a_backfill_is_tried_made_paused_and_cancelled(admin: httpx.AsyncClient) -> None:
    tried = (await admin.post(f"{URL}/dry_run", json=body(run_backwards=True))).json()
    assert [one["logical_date"][:10] for one in tried["backfills"]] == ["2024-01-03", "2024-01-02", "2024-01-01"]
    assert (await admin.get(URL)).json()["total_entries"] == 0
    made = await admin.post(URL, json=body(dag_run_conf={"a": 1}, max_active_runs=2, reprocess_behavior="failed"))
    assert made.status_code == 200
    one = made.json()
    assert {
        name: one[name] for name in ("dag_id", "dag_run_conf", "max_active_runs", "state", "total", "done")
    } == {
        "dag_id": "daily",
        "dag_run_conf": {"a": 1},
        "max_active_runs": 2,
        "state": "running",
        "total": 3,
        "done": 0,
    }
    path = f"{URL}/{one['id']}"
    assert (await admin.put(f"{path}/pause")).json()["state"] == "paused"
    assert (await admin.put(f"{path}/unpause")).json()["is_paused"] is False
    assert (await admin.post(URL, json=body())).status_code == 409
    over = (await admin.put(f"{path}/cancel")).json()
    assert (over["state"], over["counts"], over["done"]) == ("cancelled", {"cancelled": 3}, 3)
    assert (await admin.put(f"{path}/cancel")).status_code == 409
    assert (await admin.get(URL, params={"dag_id": "daily"})).json() == {"backfills": [over], "total_entries": 1}
    assert (await admin.get(URL, params={"active": True})).json()["total_entries"] == 0
    dates = (await admin.get(f"{path}/dates", params={"limit": 2})).json()
    assert (len(dates["dates"]), dates["total_entries"]) == (2, 3)
    assert dates["dates"][0]["state"] == "cancelled"


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"dag_id": "other"}, 404, "there is no DAG 'other'"),
        ({"to_date": "2023-01-01T00:00:00Z"}, 422, "ends before it begins"),
        ({"max_active_runs": 0}, 422, "at least 1"),
        ({"reprocess_behavior": "some"}, 422, "reprocess_behavior"),
    ],
)
async def test_what_is_refused(admin: httpx.AsyncClient, change: dict[str, Any], code: int, text: str) -> None:
    answer = await admin.post(URL, json=body() | change)
    assert answer.status_code == code
    assert text in answer.text


async def test_what_is_not_there(admin: httpx.AsyncClient) -> None:
    assert (await admin.get(f"{URL}/9")).status_code == 404
    assert (await admin.put(f"{URL}/9/pause")).status_code == 404
