"""Rotation: everything ends up under the newest key, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import sqlalchemy as sa

from bide.control import rotate_keys as rotation
from bide.control.rotate_keys import KeyUse, Rotation, key_usage, rotate_keys
from bide.model.sealed import fingerprint
from bide.store import Keyring, Store, Tx
from bide.store.schema import cancel_obligation, task_state, wait
from tests.support.clock import HeldClock
from tests.support.hand_engine import HandEngine
from tests.support.keys import KEY, OTHER_KEY
from tests.support.sealed_values import COLUMNS, put_values, stored_values, values_of

SECRET = b'"s3cr3t-text"'
NEW, OLD = fingerprint(OTHER_KEY).hex(), fingerprint(KEY).hex()
#: Encrypted values of one task instance.
EACH = len(COLUMNS)
Open = Callable[..., Awaitable[Store]]


@pytest.fixture
async def opened(store_url: str, clock: HeldClock) -> AsyncIterator[Open]:
    """Opens the test's store once more, with other keys."""
    stores: list[Store] = []

    async def open_with(*keys: str) -> Store:
        stores.append(await asyncio.to_thread(Store.open, store_url, clock, Keyring.of(*keys), server_time=False))
        return stores[-1]

    yield open_with
    for store in stores:
        await store.close()


def by_key(uses: list[KeyUse]) -> dict[str, tuple[str, int]]:
    return {one.key or one.use: (one.use, one.rows) for one in uses}


async def heads(store: Store) -> set[bytes]:
    return {value[:7] for values in (await stored_values(store)).values() for value in values}


async def test_every_value_comes_under_the_newest_key(engine: HandEngine, opened: Open) -> None:
    await put_values(engine, 30, SECRET)
    store = await opened(OTHER_KEY, KEY)
    told: list[tuple[int, int]] = []
    assert by_key(await key_usage(store))[OLD] == ("decrypts", 30 * EACH)
    assert await rotate_keys(store, lambda done, total: told.append((done, total))) == Rotation(30 * EACH, 0, 0)
    assert await heads(store) == {b"\x01" + fingerprint(OTHER_KEY)}
    assert by_key(await key_usage(store)) == {
        NEW: ("encrypts", 30 * EACH),
        OLD: ("decrypts", 0),
        "not encrypted": ("not encrypted", 0),
        "empty": ("empty", 0),
    }
    assert told[0] == (0, 30 * EACH)
    assert told[-1] == (30 * EACH, 30 * EACH)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    alone = await opened(OTHER_KEY)
    for _, column in COLUMNS:
        assert await values_of(alone, column) == [SECRET] * 30


async def test_a_second_rotation_has_nothing_to_do(engine: HandEngine, opened: Open) -> None:
    await put_values(engine, 2, SECRET)
    store = await opened(OTHER_KEY, KEY)
    await rotate_keys(store)
    before = await stored_values(store)
    assert await rotate_keys(store) == Rotation(0, 0, 0)
    assert await stored_values(store) == before


async def test_what_was_never_encrypted_is_now(engine: HandEngine) -> None:
    await put_values(engine, 3, b"{}")
    await engine.store.write(
        lambda tx: tx.conn.execute(sa.text("UPDATE wait SET kwargs = :value"), {"value": SECRET})
    )
    await engine.store.write(
        lambda tx: tx.conn.execute(sa.text("UPDATE resume SET event = :value"), {"value": b"[1]"})
    )
    uses = by_key(await key_usage(engine.store))
    assert uses["not encrypted"] == ("not encrypted", 6)
    assert uses["empty"] == ("empty", 3 * EACH - 6)
    assert await rotate_keys(engine.store) == Rotation(6, 0, 0)
    assert await values_of(engine.store, wait.c.kwargs) == [SECRET] * 3
    assert by_key(await key_usage(engine.store))[OLD] == ("encrypts", 6)


async def test_it_goes_on_where_it_was_interrupted(
    engine: HandEngine, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "_BATCH", 7)
    await put_values(engine, 20, SECRET)
    store = await opened(OTHER_KEY, KEY)

    class PowerCut(Exception):
        pass

    def fail(done: int, _total: int) -> None:
        if done >= 50:
            raise PowerCut

    with pytest.raises(PowerCut):
        await rotate_keys(store, fail)
    done = by_key(await key_usage(store))[NEW][1]
    assert 50 <= done < 20 * EACH
    # Whatever was cut off: all values can be read.
    for _, column in COLUMNS:
        assert await values_of(store, column) == [SECRET] * 20
    assert await rotate_keys(store) == Rotation(20 * EACH - done, 0, 0)


async def test_a_value_that_changes_meanwhile_is_not_overwritten(
    engine: HandEngine, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that has both keys writes between the reading and the writing of each batch."""
    monkeypatch.setattr(rotation, "_BATCH", 10)
    await put_values(engine, 25, SECRET)
    store, other = await opened(OTHER_KEY, KEY), await opened(OTHER_KEY, KEY)

    def change(tx: Tx) -> None:
        first = (
            tx.conn.execute(sa.select(cancel_obligation.c.uid).order_by(cancel_obligation.c.uid)).scalars().all()
        )
        mine, gone = cancel_obligation.c.uid.in_(first[:3]), cancel_obligation.c.uid.in_(first[3:5])
        tx.conn.execute(sa.update(cancel_obligation).where(mine).values(kwargs=b'"changed"'))
        tx.conn.execute(sa.delete(cancel_obligation).where(gone))

    write = store.write
    # Each column is written in three batches; the first one of this column has been read by then.
    batches = 3 * [column.name for column in rotation.COLUMNS].index("cancel_obligation.kwargs")

    async def write_late(work: Callable[[Tx], int]) -> int:
        nonlocal batches
        batches -= 1
        if batches == -1:
            await other.write(change)
        return await write(work)

    monkeypatch.setattr(store, "write", write_late)
    assert await rotate_keys(store) == Rotation(25 * EACH - 5, 0, 0)
    assert sorted(await values_of(store, cancel_obligation.c.kwargs)) == [b'"changed"'] * 3 + [SECRET] * 20
    assert by_key(await key_usage(store))[OLD] == ("decrypts", 0)


async def test_writers_beside_lose_nothing(
    engine: HandEngine, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each counter is written again and again while its column is rotated, by a store that knows both keys."""
    monkeypatch.setattr(rotation, "_BATCH", 5)
    await put_values(engine, 40, b'"0000000000"')
    store, other = await opened(OTHER_KEY, KEY), await opened(KEY, OTHER_KEY)
    stop = asyncio.Event()
    written = 0

    async def put(value: bytes) -> None:
        await other.write(lambda tx: tx.conn.execute(sa.update(task_state).values(value=value)))

    async def count() -> None:
        nonlocal written
        while not stop.is_set():
            written += 1
            await put(b'"%010d"' % written)

    writer = asyncio.create_task(count())
    await rotate_keys(store)
    stop.set()
    await writer
    assert written > 1
    assert await values_of(store, task_state.c.value) == [b'"%010d"' % written] * 40
    # It encrypts with the old key, and the status says so.
    assert by_key(await key_usage(store))[OLD][1] == 40
    await rotate_keys(store)
    assert by_key(await key_usage(store))[OLD][1] == 0


async def test_values_without_their_key_stay_and_are_told(engine: HandEngine, opened: Open) -> None:
    await put_values(engine, 2, SECRET)
    store = await opened(OTHER_KEY)
    before = await stored_values(store)
    assert await rotate_keys(store) == Rotation(0, 2 * EACH, 0)
    assert await stored_values(store) == before
    assert by_key(await key_usage(store))[OLD] == ("missing", 2 * EACH)


async def test_a_damaged_value_stays_and_is_told(engine: HandEngine, opened: Open) -> None:
    await put_values(engine, 2, SECRET)
    broken = b"\x01" + fingerprint(KEY) + b"nothing"
    await engine.store.write(
        lambda tx: tx.conn.execute(
            sa.text("UPDATE wait SET kwargs = :value WHERE uid = (SELECT min(uid) FROM wait)"), {"value": broken}
        )
    )
    store = await opened(OTHER_KEY, KEY)
    assert await rotate_keys(store) == Rotation(2 * EACH - 1, 0, 1)
    assert broken in (await stored_values(store))["wait.kwargs"]
