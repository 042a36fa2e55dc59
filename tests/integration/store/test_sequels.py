"""What follows from a transaction is done within it, and never harms it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa

from bide.store import Store, Topic, Tx, sessions
from bide.store.schema import log

pytestmark = pytest.mark.usefixtures("no_blocking")


class Answer:
    """Writes a row whenever something is scheduled."""

    topic: ClassVar[Topic] = "scheduled"

    def __init__(self, *, then: Callable[[Tx], None] = lambda tx: None) -> None:
        self.then = then
        self.told: list[str] = []
        self.heard = asyncio.Event()
        self.calls = 0

    def write(self, tx: Tx) -> str | None:
        self.calls += 1
        sessions.audit(tx, f"answer {self.calls}", owner="test")
        self.then(tx)
        return f"answer {self.calls}"

    def stored(self, result: Any) -> None:
        self.told.append(f"stored {result}")
        self.heard.set()

    def undone(self, result: Any) -> None:
        self.told.append(f"undone {result}")


def schedule(tx: Tx) -> None:
    sessions.audit(tx, "schedule", owner="test")
    tx.ring("scheduled")


async def events(store: Store) -> list[str]:
    return await store.read(lambda tx: list(tx.conn.execute(sa.select(log.c.event).order_by(log.c.id)).scalars()))


async def test_it_is_stored_with_what_it_follows_from(store: Store) -> None:
    answer = Answer()
    store.follow(answer)
    await store.write(schedule)
    await answer.heard.wait()
    assert await events(store) == ["schedule", "answer 1"]
    assert answer.told == ["stored answer 1"]


async def test_other_topics_call_for_nothing(store: Store) -> None:
    answer = Answer()
    store.follow(answer)
    await store.write(lambda tx: tx.ring("timers"))
    assert answer.calls == 0


async def test_it_is_over_when_it_was_left(store: Store) -> None:
    answer = Answer()
    leave = store.follow(answer)
    leave()
    await store.write(schedule)
    assert answer.calls == 0


async def test_what_it_settles_rings_for_nobody_and_what_it_rings_does(store: Store) -> None:
    def then(tx: Tx) -> None:
        tx.hush("scheduled")
        tx.ring("timers")

    store.follow(Answer(then=then))
    scheduled, timers = store.bell.listen("scheduled"), store.bell.listen("timers")
    await store.write(schedule)
    assert await timers.wait(10)
    assert not await scheduled.wait(0)


async def test_what_it_leaves_rings_as_always(store: Store) -> None:
    store.follow(Answer())
    scheduled = store.bell.listen("scheduled")
    await store.write(schedule)
    assert await scheduled.wait(10)


@pytest.mark.parametrize("how", ["python", "sql"])
async def test_one_that_fails_undoes_itself_alone(store: Store, how: str, caplog: pytest.LogCaptureFixture) -> None:
    def then(tx: Tx) -> None:
        if how == "sql":
            tx.conn.exec_driver_sql("SELECT * FROM nothing")
        raise ValueError("no")

    answer = Answer(then=then)
    store.follow(answer)
    scheduled = store.bell.listen("scheduled")
    await store.write(schedule)
    assert await events(store) == ["schedule"]
    assert answer.told == []
    assert await scheduled.wait(10), "somebody else has to do it now"
    assert "what follows from a transaction is left to the next one" in caplog.text


async def test_what_others_had_written_is_undone_when_one_fails(store: Store) -> None:
    def fail(tx: Tx) -> None:
        raise ValueError("no")

    first, second = Answer(), Answer(then=fail)
    store.follow(first)
    store.follow(second)
    await store.write(schedule)
    assert first.told == ["undone answer 1"]
    assert await events(store) == ["schedule"]


async def test_a_transaction_that_fails_has_no_sequel(store: Store) -> None:
    def fail(tx: Tx) -> None:
        schedule(tx)
        raise ValueError("no")

    answer = Answer()
    store.follow(answer)
    with pytest.raises(ValueError, match="no"):
        await store.write(fail)
    assert answer.calls == 0
    assert await events(store) == []
