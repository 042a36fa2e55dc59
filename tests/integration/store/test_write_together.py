"""Items that are written in one go: each who asks gets the answer for their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from bide.model.errors import Fenced, StoreError, StoreUnavailable
from bide.store import Store, Tx, sessions
from bide.store.schema import log

pytestmark = pytest.mark.usefixtures("no_blocking")


class HeldError(Exception):
    """The writer goes on."""


class Work:
    """Writes a row per item; notes which items came together. An item may say how it goes wrong."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []

    def __call__(self, tx: Tx, items: Sequence[str]) -> list[str | Exception]:
        self.groups.append(list(items))
        answers: list[str | Exception] = []
        for item in items:
            if item.startswith("raise"):
                raise ValueError(item)
            if item.startswith("broken statement"):
                tx.conn.exec_driver_sql("SELECT * FROM nothing")
            if item.startswith("full"):
                raise StoreUnavailable("the disk is full")
            sessions.audit(tx, item, owner="test")
            answers.append(Fenced(item) if item.startswith("refuse") else item.upper())
        return answers


async def notes(store: Store) -> list[str]:
    return await store.read(lambda tx: list(tx.conn.execute(sa.select(log.c.event).order_by(log.c.id)).scalars()))


async def together(store: Store, work: Work, *items: str) -> list[object]:
    """Ask for all items while the writer is busy."""
    release, entered = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(_tx: Tx) -> None:
        loop.call_soon_threadsafe(entered.set)
        assert release.wait(10)
        raise HeldError  # so that its own transaction ends without what has come meanwhile

    held = asyncio.create_task(store.write(hold))
    await entered.wait()
    asked = [asyncio.create_task(store.write_together(work, item)) for item in items]
    await asyncio.sleep(0)
    release.set()
    with pytest.raises(HeldError):
        await held
    return await asyncio.gather(*asked, return_exceptions=True)


async def test_one_alone(store: Store) -> None:
    work = Work()
    assert await store.write_together(work, "a") == "A"
    assert await notes(store) == ["a"]
    assert await store.write_together(work, "b") == "B"
    assert work.groups == [["a"], ["b"]]


async def test_what_is_asked_meanwhile_is_written_in_one_go(store: Store) -> None:
    work = Work()
    assert await together(store, work, "a", "b", "c") == ["A", "B", "C"]
    assert work.groups == [["a", "b", "c"]]


async def test_different_work_is_not_mixed(store: Store) -> None:
    one, other = Work(), Work()
    answers = await asyncio.gather(store.write_together(one, "a"), store.write_together(other, "b"))
    assert answers == ["A", "B"]
    assert (one.groups, other.groups) == ([["a"]], [["b"]])


async def test_an_exception_in_the_answer_concerns_its_item_alone(store: Store) -> None:
    answers = await together(store, Work(), "a", "refuse b", "c")
    assert (answers[0], answers[2]) == ("A", "C")
    assert isinstance(answers[1], Fenced)


@pytest.mark.parametrize("bad", ["raise", "broken statement"])
async def test_one_that_spoils_the_group_is_found(store: Store, bad: str) -> None:
    work = Work()
    answers = await together(store, work, "a", bad, "c")
    assert (answers[0], answers[2]) == ("A", "C")
    assert isinstance(answers[1], ValueError if bad == "raise" else StoreError)
    assert await notes(store) == ["a", "c"]
    assert work.groups == [["a", bad, "c"], ["a"], [bad], ["c"]]


async def test_a_store_out_of_reach_fails_all_without_trying_each(store: Store) -> None:
    work = Work()
    answers = await together(store, work, "a", "full", "c")
    assert all(isinstance(one, StoreUnavailable) for one in answers)
    assert work.groups == [["a", "full", "c"]]


async def test_who_asked_first_may_stop_waiting(store: Store) -> None:
    """Its worker is gone, say; the others must get their answers all the same."""
    release, entered = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(_tx: Tx) -> None:
        loop.call_soon_threadsafe(entered.set)
        assert release.wait(10)

    held = asyncio.create_task(store.write(hold))
    await entered.wait()
    work = Work()
    first, second = (asyncio.create_task(store.write_together(work, item)) for item in ("a", "b"))
    await asyncio.sleep(0)
    first.cancel()
    release.set()
    await held
    async with asyncio.timeout(5):
        assert await second == "B"
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await notes(store) == ["a", "b"], "what was asked is done"


async def test_on_a_closed_store(store: Store) -> None:
    work = Work()
    asked = asyncio.create_task(store.write_together(work, "a"))
    await asyncio.sleep(0)
    await store.close()
    assert await asked == "A"
    for _ in range(2):
        with pytest.raises(StoreError, match="is closed"):
            await store.write_together(work, "late")


async def test_a_thousand(store: Store) -> None:
    work = Work()
    names = [f"n{number}" for number in range(1_000)]
    answers = await asyncio.gather(*(store.write_together(work, name) for name in names))
    assert answers == [name.upper() for name in names]
    assert [item for group in work.groups for item in group] == names
    assert len(work.groups) < 100
