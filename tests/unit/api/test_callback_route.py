"""Calling callback URLs and sending signals over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from bide.api.app import create_callback_app
from bide.api.bodies import LONGEST
from bide.control.create_run import create_run
from bide.control.mint_callback import GOOD_FOR, hash_of
from bide.model.values import decode
from bide.observe.masking import mask
from bide.store import Store, signals
from bide.store.views import get_instance
from tests.support.clock import HeldClock
from tests.support.waits import put_wait

TOKEN = "t" * 43
URL = f"/callbacks/{TOKEN}"


@pytest.fixture
async def uid(store: Store, dags: None) -> str:
    """A task that has given out ``URL``."""
    await create_run(store, "etl", run_id="r1", by="test")
    found = await store.read(lambda tx: get_instance(tx, "etl", "r1", "extract", -1))
    assert found is not None
    await store.write(
        lambda tx: signals.insert(tx, found.uid, "default", expires_at=tx.now + GOOD_FOR, token_hash=hash_of(TOKEN))
    )
    return found.uid


async def kept(store: Store, uid: str) -> list[object]:
    """Payloads that nobody has taken yet."""
    rows = await store.read(lambda tx: signals.early(tx, [uid]))
    from bide.control.outcomes import read_outcome

    return [decode(read_outcome(row.outcome).payload) for row in rows]


async def test_a_call_needs_no_login_and_is_answered_when_stored(
    anyone: httpx.AsyncClient, store: Store, uid: str
) -> None:
    answer = await anyone.post(URL, json={"n": [1, None, 2.5, "ä"]})
    assert (answer.status_code, answer.json()) == (200, {"result": "stored"})
    assert await kept(store, uid) == [{"n": [1, None, 2.5, "ä"]}]
    again = await anyone.post(URL, json={"n": 2})
    assert (again.status_code, again.json()) == (200, {"result": "repeated"})
    assert len(await kept(store, uid)) == 1


async def test_forged_and_expired_urls_are_told_apart(
    anyone: httpx.AsyncClient, clock: HeldClock, uid: str
) -> None:
    forged = await anyone.post("/callbacks/forged", json=1)
    assert (forged.status_code, forged.json()) == (404, {"detail": "there is no such callback URL"})
    clock.advance(GOOD_FOR.total_seconds())
    expired = await anyone.post(URL, json=1)
    assert expired.status_code == 410
    assert TOKEN not in expired.text


@pytest.mark.parametrize("body", [b"", b"{", b"ok", b"\xff", b"[" * 100_000, b'"\\ud800"'])
async def test_what_is_no_json_is_refused(anyone: httpx.AsyncClient, store: Store, uid: str, body: bytes) -> None:
    answer = await anyone.post(URL, content=body)
    assert answer.status_code == 400, answer.text
    assert "must be JSON" in answer.json()["detail"]
    assert await kept(store, uid) == []


@pytest.mark.parametrize("body", [b"", b" \n"])
async def test_an_empty_body_says_what_to_send(anyone: httpx.AsyncClient, uid: str, body: bytes) -> None:
    detail = (await anyone.post(URL, content=body)).json()["detail"]
    assert detail == "the body is empty, and must be JSON (RFC 8259): send null or {} if there is nothing to tell"
    assert (await anyone.post(URL, content=b"null")).status_code == 200


async def test_a_body_may_have_256_kib(anyone: httpx.AsyncClient, store: Store, uid: str) -> None:
    body = json.dumps("x" * (LONGEST - 2)).encode()
    assert len(body) == 256 * 1024
    assert (await anyone.post(URL, content=body + b" ")).status_code == 413
    assert (await anyone.post(URL, content=body)).status_code == 200


async def test_a_body_without_end_is_not_read_to_its_end(anyone: httpx.AsyncClient, uid: str) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1 << 30:
            sent += 1 << 16
            yield b" " * (1 << 16)

    assert (await anyone.post(URL, content=endless())).status_code == 413
    assert sent < 1 << 24


async def test_only_post_calls(anyone: httpx.AsyncClient, uid: str) -> None:
    """A link that a mail program or chat opens to look at it must not resume anything."""
    assert (await anyone.get(URL)).status_code == 405


async def test_the_server_of_bide_run_knows_callbacks_only(store: Store, no_blocking: None, uid: str) -> None:
    app: FastAPI = create_callback_app(store, host_names=["bide.example"])
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1234") as client:
        assert (await client.get("/api/v2/dags")).status_code == 404
        assert (await client.get("/openapi.json")).status_code == 404
        assert (await client.post(URL, json=1, headers={"Host": "evil.example"})).status_code == 400
        assert (await client.post(URL, json=1)).status_code == 200


def test_tokens_are_masked_wherever_a_url_is_written() -> None:
    text = f"POST http://bide.example/callbacks/{TOKEN} failed; see /callbacks/short"
    assert mask(text) == "POST http://bide.example/callbacks/*** failed; see /callbacks/short"


# --- named signals


async def test_a_signal_is_sent_by_name(admin: httpx.AsyncClient, store: Store, dags: None) -> None:
    await create_run(store, "etl", run_id="r1", by="test")
    path = "/api/v2/dags/etl/dagRuns/r1/taskInstances/extract/signals"
    answer = await admin.post(f"{path}/go", json={"by": "ann"})
    assert (answer.status_code, answer.json()) == (200, {"result": "stored"})
    assert (await admin.post(f"{path}/no name", json=1)).status_code == 422
    assert (await admin.post(f"{path.replace('extract', 'nothing')}/go", json=1)).status_code == 404
    assert (await admin.post(f"{path}/go?map_index=3", json=1)).status_code == 404


async def test_nobody_sends_signals_without_a_login(anyone: httpx.AsyncClient, store: Store, dags: None) -> None:
    await store.write(lambda tx: None)
    answer = await anyone.post("/api/v2/dags/etl/dagRuns/r1/taskInstances/extract/signals/go", json=1)
    assert answer.status_code == 401


async def test_a_wait_of_another_kind_is_not_ended_by_a_call(
    anyone: httpx.AsyncClient, store: Store, uid: str
) -> None:
    await store.write(lambda tx: put_wait(tx, "etl", "r1", "extract"))
    assert (await anyone.post(URL, json=1)).json() == {"result": "stored"}
