"""Pools over the API."""

from __future__ import annotations

import httpx
import pytest

URL = "/api/v2/pools"


async def test_a_pool_is_made_changed_and_deleted(admin: httpx.AsyncClient) -> None:
    made = await admin.post(URL, json={"name": "spark", "slots": 5, "description": "Spark jobs"})
    assert made.status_code == 201
    assert made.json() == {
        "name": "spark",
        "slots": 5,
        "description": "Spark jobs",
        "include_deferred": False,
        "occupied_slots": 0,
        "running_slots": 0,
        "queued_slots": 0,
        "scheduled_slots": 0,
        "deferred_slots": 0,
        "open_slots": 5,
    }
    changed = await admin.patch(f"{URL}/spark", json={"slots": 7, "include_deferred": True})
    assert changed.json() == (await admin.get(f"{URL}/spark")).json()
    assert (changed.json()["slots"], changed.json()["include_deferred"]) == (7, True)
    assert changed.json()["description"] == "Spark jobs"
    assert (await admin.delete(f"{URL}/spark")).status_code == 204
    assert (await admin.get(f"{URL}/spark")).status_code == 404


async def test_the_default_pool_is_always_there(admin: httpx.AsyncClient) -> None:
    listed = (await admin.get(URL)).json()
    assert [(one["name"], one["slots"]) for one in listed["pools"]] == [("default_pool", 128)]
    assert listed["total_entries"] == 1
    assert (await admin.delete(f"{URL}/default_pool")).status_code == 409
    assert (await admin.patch(f"{URL}/default_pool", json={"slots": -1})).json()["open_slots"] is None


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"name": "default_pool", "slots": 1}, 409, "there is a pool 'default_pool' already"),
        ({"name": "p", "slots": -2}, 422, "slots must be an integer of 0 or more"),
        ({"name": "a/b", "slots": 1}, 422, "is no name of a pool"),
        ({"name": "p"}, 422, "slots"),
        ({"name": "p", "slots": 1, "size": 3}, 422, "size"),
    ],
)
async def test_what_can_not_be_is_refused(
    admin: httpx.AsyncClient, body: dict[str, object], code: int, text: str
) -> None:
    answer = await admin.post(URL, json=body)
    assert answer.status_code == code, answer.text
    assert text in answer.text
