"""One wait, its end by hand, and numbers about all of them, over HTTP."""

from __future__ import annotations

import httpx
import pytest

from bide.control.create_run import create_run
from bide.store import Store
from bide.store.views import get_instance
from bide.wire.statistics import LookTimes, TriggererStatistics
from tests.support.waits import put_wait
from tests.unit.api.conftest import KnownLive

WAITS = "/api/v2/waits"


@pytest.fixture
async def tree(store: Store, dags: None) -> str:
    """A task that waits for any of two; the id of the whole."""
    await create_run(store, "etl", run_id="r1", by="test")

    def put(tx):
        whole = put_wait(tx, "etl", "r1", "extract", uid="w0", kind="any", needed=1, subject="a or b")
        (row,) = waits_of(tx)
        for number in (1, 2):
            part = row._replace(uid=f"w{number}", kind="poll", parent_uid=whole, name=str(number), needed=None)
            waits.insert(tx, [part])
        return whole

    from bide.store import waits

    def waits_of(tx):
        found = get_instance(tx, "etl", "r1", "extract", -1)
        return waits.of_instances(tx, [found.uid])

    return await store.write(put)


async def test_a_wait_shows_its_parts(admin: httpx.AsyncClient, live: KnownLive, tree: str) -> None:
    live.known_triggerers = [TriggererStatistics("t", holding=5, capacity=5)]
    found = (await admin.get(f"{WAITS}/{tree}")).json()
    assert (found["id"], found["kind"], found["subject"], found["unserved"]) == (tree, "any", "a or b", None)
    assert [part["id"] for part in found["parts"]] == ["w1", "w2"]
    assert "t holds 5 of 5" in found["parts"][0]["unserved"]
    part = (await admin.get(f"{WAITS}/w2")).json()
    assert (part["id"], part["parts"]) == ("w2", [])


async def test_a_wait_is_ended_by_hand(admin: httpx.AsyncClient, store: Store, tree: str) -> None:
    """All of it, whichever part is named."""
    answer = await admin.post(f"{WAITS}/w2/cancel")
    assert (answer.status_code, answer.json()) == (200, {"subject": "a or b"})
    found = await store.read(lambda tx: get_instance(tx, "etl", "r1", "extract", -1))
    assert found is not None
    assert (found.state, found.error) == ("failed", "the wait was cancelled by admin")
    for answer in (await admin.get(f"{WAITS}/{tree}"), await admin.post(f"{WAITS}/{tree}/cancel")):
        assert answer.status_code == 404
        assert "there is no wait" in answer.json()["detail"]


async def test_k30_numbers_about_waits(admin: httpx.AsyncClient, live: KnownLive, tree: str) -> None:
    """K30: one answer that has all to look at and to scale on."""
    live.known_triggerers = [TriggererStatistics("t", ["gpu"], None, 7, 100, ["a.B"], LookTimes(9, 1, 2.5, 0.5))]
    found = (await admin.get(f"{WAITS}/stats")).json()
    counts = {(one["kind"], one["waiting"], one["unclaimed"]) for one in found["counts"]}
    assert counts == {("poll", 2, 2), ("any", 1, 0)}
    assert found["resume_lag"] == {"resumes": 0, "median": None, "p95": None, "longest": None}
    looks = {"looks": 9, "late": 1, "longest_lag": 2.5, "seconds": 0.5}
    assert found["looks"] == looks
    assert found["triggerers"] == [
        {"name": "t", "queues": ["gpu"], "holding": 7, "capacity": 100, "quarantined": ["a.B"], "looks": looks}
    ]


@pytest.mark.parametrize("path", ["/stats", "/w0"])
async def test_a_login_is_needed(anyone: httpx.AsyncClient, path: str) -> None:
    assert (await anyone.get(WAITS + path)).status_code == 401
    assert (await anyone.post(f"{WAITS}/w0/cancel")).status_code == 401
