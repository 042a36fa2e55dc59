"""Clearing, marking and releasing through the API: shapes, codes, audit."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from bide.store import Store
from bide.store.schema import cancel_obligation, log, task_instance

DAG = "/api/v2/dags/etl"
RUN = f"{DAG}/dagRuns/mine"


@pytest.fixture
async def run(admin: httpx.AsyncClient) -> None:
    """A run of ``extract`` and ``load`` in which neither has begun."""
    assert (await admin.post(f"{DAG}/dagRuns", json={"dag_run_id": "mine"})).status_code == 200


def states(answer: httpx.Response) -> dict[str, str | None]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["total_entries"] == len(body["task_instances"])
    return {one["task_id"]: one["state"] for one in body["task_instances"]}


async def now(admin: httpx.AsyncClient) -> dict[str, str | None]:
    return states(await admin.get(f"{RUN}/taskInstances"))


async def patch(admin: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await admin.patch(f"{RUN}/taskInstances/{path}", json=body)


async def clear(admin: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await admin.post(f"{DAG}/clearTaskInstances", json=body)


@pytest.mark.usefixtures("run")
async def test_a_task_is_marked_and_cleared_again(admin: httpx.AsyncClient, store: Store) -> None:
    assert states(await patch(admin, "extract/dry_run", new_state="failed")) == {"extract": None}
    assert await now(admin) == {"extract": None, "load": None}
    assert states(await patch(admin, "extract", new_state="failed")) == {"extract": "failed"}
    assert states(await patch(admin, "load/-1", new_state="skipped")) == {"load": "skipped"}
    # By default nothing is done, and only what has failed is looked at.
    assert states(await clear(admin)) == {"extract": "failed"}
    assert await now(admin) == {"extract": "failed", "load": "skipped"}
    assert states(await clear(admin, dry_run=False, task_ids=["extract"], include_downstream=True)) == {
        "extract": None
    }
    assert states(await clear(admin, dry_run=False, task_ids=[["load", -1]], only_failed=False)) == {"load": None}
    events = await store.read(lambda tx: tx.conn.execute(sa.select(log.c.event, log.c.owner, log.c.task_id)).all())
    assert [tuple(one) for one in events[1:]] == [
        ("mark_task_instances", "admin", "extract"),
        ("mark_task_instances", "admin", "load"),
        ("clear_task_instances", "admin", "extract"),
        ("clear_task_instances", "admin", "load"),
    ]


@pytest.mark.usefixtures("run")
async def test_what_can_not_be_marked(admin: httpx.AsyncClient) -> None:
    assert (await patch(admin, "extract", new_state="running")).status_code == 422
    assert (await patch(admin, "nothing", new_state="failed")).status_code == 404
    assert (await patch(admin, "extract", new_state="failed")).status_code == 200
    again = await patch(admin, "extract", new_state="failed")
    assert (again.status_code, again.json()["detail"]) == (409, "task 'extract' of run 'mine' is failed already")
    assert states(await patch(admin, "extract/dry_run", new_state="failed")) == {}


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"only_failed": True, "only_running": True}, 422),
        ({"dag_run_id": "mine", "start_date": "2026-01-01T00:00:00Z"}, 422),
        ({"task_ids": []}, 422),
        ({"task_ids": ["nothing"]}, 404),
        ({"dag_run_id": "nothing"}, 404),
        ({"unknown": 1}, 422),
    ],
)
async def test_what_can_not_be_cleared(admin: httpx.AsyncClient, body: dict[str, Any], code: int) -> None:
    assert (await clear(admin, **body)).status_code == code


@pytest.mark.usefixtures("run")
async def test_a_whole_run_is_marked_cleared_and_noted(admin: httpx.AsyncClient) -> None:
    marked = (await admin.patch(RUN, json={"state": "failed", "note": "a bad day"})).json()
    assert (marked["state"], marked["note"], marked["reason"]) == (
        "failed",
        "a bad day",
        "marked as failed by admin",
    )
    assert await now(admin) == {"extract": "skipped", "load": "skipped"}
    assert states(await admin.post(f"{RUN}/clear", json={})) == {"extract": "skipped", "load": "skipped"}
    assert states(await admin.post(f"{RUN}/clear", json={"only_failed": True})) == {}
    cleared = (await admin.post(f"{RUN}/clear", json={"dry_run": False})).json()
    assert (cleared["dag_run_id"], cleared["state"], cleared["reason"]) == ("mine", "queued", None)
    assert await now(admin) == {"extract": None, "load": None}
    assert (await admin.patch(RUN, json={"state": "success"})).json()["state"] == "success"
    assert await now(admin) == {"extract": "success", "load": "success"}
    assert (await admin.patch(f"{DAG}/dagRuns/nothing", json={"state": "failed"})).status_code == 404
    assert (await admin.patch(f"{DAG}/dagRuns/nothing", json={"note": "x"})).status_code == 404
    assert (await admin.patch(RUN, json={"state": "running"})).status_code == 422


@pytest.mark.usefixtures("run")
async def test_what_is_held_says_why_until_it_is_released(admin: httpx.AsyncClient, store: Store) -> None:
    path = f"{RUN}/taskInstances/extract"
    assert (await admin.post(f"{path}/release")).status_code == 409

    def hold(tx: Any) -> None:
        instance = tx.conn.execute(sa.select(task_instance).where(task_instance.c.task_id == "extract")).one()
        row = {"uid": "o", "instance_uid": instance.uid, "run_uid": instance.run_uid, "wait_uid": "w", "epoch": 1}
        what = {"kind": "poll", "classpath": "jobs.Job", "kwargs": b"", "attempts": 9, "give_up_at": tx.now}
        how = {"state": "failed", "holds": True, "on_failure": "hold", "error": "503"}
        tx.conn.execute(sa.insert(cancel_obligation), {**row, **what, **how})

    await store.write(hold)
    expected = (
        "held, since its work outside could not be cancelled by jobs.Job: 503; `bide tasks release` lets it go on"
    )
    assert (await admin.get(path)).json()["held"] == expected
    assert (await admin.post(f"{path}/release")).json()["held"] is None
    assert (await admin.get(path)).json()["held"] is None


@pytest.mark.usefixtures("run")
async def test_nobody_changes_anything_without_a_login(anyone: httpx.AsyncClient) -> None:
    anyone.auth = None
    for method, path in (
        ("POST", f"{DAG}/clearTaskInstances"),
        ("POST", f"{RUN}/clear"),
        ("PATCH", RUN),
        ("PATCH", f"{RUN}/taskInstances/extract"),
        ("POST", f"{RUN}/taskInstances/extract/release"),
    ):
        assert (await anyone.request(method, path, json={})).status_code == 401


@pytest.mark.usefixtures("run")
async def test_a_task_instance_is_noted_and_its_tries_are_listed(admin: httpx.AsyncClient) -> None:
    noted = await patch(admin, "extract", note="looks wrong")
    assert [one["note"] for one in noted.json()["task_instances"]] == ["looks wrong"]
    both = await patch(admin, "extract", new_state="success", note="fine after all")
    assert states(both) == {"extract": "success"}
    assert (await admin.get(f"{RUN}/taskInstances/extract")).json()["note"] == "fine after all"
    assert (await admin.get(f"{RUN}/taskInstances/load")).json()["note"] is None
    assert (await patch(admin, "extract")).status_code == 400
    tries = (await admin.get(f"{RUN}/taskInstances/extract/tries")).json()
    assert tries == {"task_instances": [], "total_entries": 0}
