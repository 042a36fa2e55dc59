"""What the store keeps of streams: messages that were taken, and how far they were read."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bide.control.accept_event import WaitEnding, accept_many
from bide.control.shared_streams import save_checkpoint, taken
from bide.engine.triggerer import StoreControl
from bide.store import Store, Tx, sessions, streams
from bide.store.schema import checkpoint, taken_message, wait
from bide.store.streams import TakenMessage
from bide.wire.messages import Outcome, WaitSpec
from bide.wire.stream_messages import MessageKey, SaveCheckpoint
from tests.support.waiting_tasks import WaitingTasks

ONE, TWO = MessageKey("jobs", "1"), MessageKey("jobs", "2")


@pytest.fixture
async def tasks(store: Store, tmp_path: Path) -> WaitingTasks:
    return await WaitingTasks.prepare(store, tmp_path)


def stream(group: str | None = "g") -> WaitSpec:
    return WaitSpec("stream", "triggers.Stream", b"{}", group_key=group)


def event(payload: bytes = b"1") -> Outcome:
    return Outcome("event", payload)


async def _leases(tasks: WaitingTasks, count: int) -> list[tuple[str, int]]:
    await tasks.defer(*[stream() for _ in range(count)])
    return [(load.wait_id, load.token) for load in await tasks.control().claim_waits(100)]


async def test_k18_a_message_has_one_wait(store: Store, tasks: WaitingTasks):
    """K18: whatever is delivered again, and to whom."""
    first, second = await _leases(tasks, 2)
    assert await accept_many(store, [WaitEnding(*first, event(), message=ONE)]) == {first[0]}
    assert await taken(store, {ONE, TWO}) == {ONE}
    assert await accept_many(store, [WaitEnding(*second, event(), message=ONE)]) == set()
    assert await accept_many(store, [WaitEnding(*second, event(), message=TWO)]) == {second[0]}


async def test_of_events_by_one_message_that_come_together_one_counts(store: Store, tasks: WaitingTasks):
    leases = await _leases(tasks, 3)
    accepted = await accept_many(store, [WaitEnding(*lease, event(), message=ONE) for lease in leases])
    assert accepted == {leases[0][0]}


async def test_of_events_by_one_message_from_several_engines_one_counts(store: Store, tasks: WaitingTasks):
    leases = await _leases(tasks, 5)
    answers = await asyncio.gather(
        *(accept_many(store, [WaitEnding(*lease, event(), message=ONE)]) for lease in leases)
    )
    assert sorted(len(one) for one in answers) == [0, 0, 0, 0, 1]


async def test_a_message_whose_wait_was_over_is_free_for_the_next(store: Store, tasks: WaitingTasks):
    (first, token), second = await _leases(tasks, 2)
    assert await accept_many(store, [WaitEnding(first, token - 1, event(), message=ONE)]) == set()
    # Its instance has moved on, though the wait is still there.
    await store.write(
        lambda tx: tx.conn.execute(sa.update(wait).where(wait.c.uid == first).values(epoch=wait.c.epoch - 1))
    )
    assert await accept_many(store, [WaitEnding(first, token, event(), message=ONE)]) == set()
    assert await accept_many(store, [WaitEnding(*second, event(), message=ONE)]) == {second[0]}


async def test_messages_are_remembered_for_a_week(store: Store, tasks: WaitingTasks):
    leases = await _leases(tasks, 3)
    await accept_many(store, [WaitEnding(*leases[0], event(), message=ONE)])
    await store.write(
        lambda tx: tx.conn.execute(sa.update(taken_message).values(taken_at=tx.now - timedelta(days=6)))
    )
    assert await accept_many(store, [WaitEnding(*leases[1], event(), message=ONE)]) == set()
    await store.write(
        lambda tx: tx.conn.execute(sa.update(taken_message).values(taken_at=tx.now - timedelta(days=8)))
    )
    assert await accept_many(store, [WaitEnding(*leases[1], event(), message=TWO)]) == {leases[1][0]}
    assert await store.read(lambda tx: streams.taken(tx, {TakenMessage(*_pair(ONE))})) == set()


def _pair(message: MessageKey) -> tuple[str, str]:
    return message.stream, message.key


# --- checkpoints ---------------------------------------------------------------------------------------------


def _order(members: int, name: str = "g", *, value: bytes = b"7", covers: float | None = None) -> SaveCheckpoint:
    later = datetime.now(UTC).timestamp() + 60
    return SaveCheckpoint(name, value, later if covers is None else covers, members)


async def test_a_wait_that_is_claimed_again_comes_with_the_checkpoint(store: Store, tasks: WaitingTasks):
    await tasks.defer(stream(), stream(None))
    control = tasks.control()
    loads = {load.group_key: load for load in await control.claim_waits(10)}
    assert [load.checkpoint for load in loads.values()] == [None, None]
    alone = loads[None].wait_id
    assert await save_checkpoint(store, tasks.session, _order(1))
    assert await save_checkpoint(store, tasks.session, _order(1, alone, value=b"9"))
    await control.release_waits()
    again = {load.group_key: load for load in await control.claim_waits(10)}
    assert again["g"].checkpoint is not None
    assert again[None].checkpoint is not None
    assert (again["g"].checkpoint.value, again[None].checkpoint.value) == (b"7", b"9")
    assert again["g"].armed_at == loads["g"].armed_at > 0


async def test_the_last_checkpoint_counts(store: Store, tasks: WaitingTasks):
    await _leases(tasks, 2)
    assert await save_checkpoint(store, tasks.session, _order(2))
    assert await save_checkpoint(store, tasks.session, _order(2, value=b"8"))
    rows = await store.read(lambda tx: streams.get_checkpoints(tx, ["g"]))
    assert rows["g"].value == b"8"


async def test_none_is_stored_while_somebody_has_not_seen_what_lies_before_it(store: Store, tasks: WaitingTasks):
    """A wait that nobody has claimed, or that another engine has, would miss messages."""
    await _leases(tasks, 2)
    assert not await save_checkpoint(store, tasks.session, _order(1)), "one is not there yet"
    session = await store.write(lambda tx: sessions.begin(tx, kind="test", hostname="there", pid=2))
    assert not await save_checkpoint(store, session, _order(2)), "they are another's"
    await tasks.defer(stream(), dag_id="more")
    assert not await save_checkpoint(store, tasks.session, _order(2)), "a third one is still to be claimed"
    await tasks.control().claim_waits(10)
    assert await save_checkpoint(store, tasks.session, _order(3))


async def test_waits_that_are_younger_do_not_matter(store: Store, tasks: WaitingTasks):
    await _leases(tasks, 1)

    def age(tx: Tx) -> float:
        tx.conn.execute(sa.update(wait).values(armed_at=tx.now - timedelta(seconds=90)))
        return tx.now.timestamp()

    at = await store.write(age)
    await tasks.defer(stream(), dag_id="young")
    assert await save_checkpoint(store, tasks.session, _order(1, covers=at - 60))


async def test_a_checkpoint_that_nobody_waits_behind_is_forgotten_after_a_week(store: Store, tasks: WaitingTasks):
    leases = await _leases(tasks, 1)
    await save_checkpoint(store, tasks.session, _order(1))

    def age(tx: Tx) -> None:
        tx.conn.execute(sa.update(checkpoint).values(saved_at=tx.now - timedelta(days=8)))

    await store.write(age)
    await tasks.defer(stream("h"), dag_id="other")
    await tasks.control().claim_waits(10)
    await save_checkpoint(store, tasks.session, _order(1, "h"))
    assert set(await store.read(lambda tx: streams.get_checkpoints(tx, ["g", "h"]))) == {"g", "h"}
    await accept_many(store, [WaitEnding(*leases[0], event())])
    await save_checkpoint(store, tasks.session, _order(1, "h"))
    assert set(await store.read(lambda tx: streams.get_checkpoints(tx, ["g", "h"]))) == {"h"}


async def test_control_of_an_engine_does_both(store: Store, tasks: WaitingTasks):
    control: StoreControl = tasks.control()
    leases = await _leases(tasks, 1)
    assert await control.save_checkpoint(_order(1))
    await control.accept_many([WaitEnding(*leases[0], event(), message=ONE)])
    assert await control.taken([ONE, TWO]) == {ONE}
