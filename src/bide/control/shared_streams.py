"""What the store knows of streams: how far they were read, and which messages were taken."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from bide.store import Store, Tx, streams
from bide.store.streams import TakenMessage
from bide.store.waits import WaitRow
from bide.wire.stream_messages import Checkpoint, MessageKey, SaveCheckpoint


async def save_checkpoint(store: Store, session: str, order: SaveCheckpoint) -> bool:
    """Store how far a stream was read; False if there are waits that have not been offered all before that."""
    covers = datetime.fromtimestamp(order.covers, UTC)
    return await store.write(
        lambda tx: streams.save_checkpoint(tx, session, order.name, order.value, covers, order.members)
    )


def checkpoints_of(tx: Tx, rows: Iterable[WaitRow]) -> dict[str, Checkpoint]:
    """By group, or by wait for one that shares with nobody."""
    return checkpoints_for(tx, {row.group_key or row.uid for row in rows if row.kind == "stream"})


def checkpoints_for(tx: Tx, names: Collection[str]) -> dict[str, Checkpoint]:
    """Those of these groups, or of waits or watchers that share with nobody."""
    return {
        name: Checkpoint(row.value, row.covers.timestamp(), row.saved_at.timestamp())
        for name, row in streams.get_checkpoints(tx, names).items()
    }


async def taken(store: Store, messages: Collection[MessageKey]) -> set[MessageKey]:
    """Those of `messages` that have had their wait."""
    rows = {TakenMessage(one.stream, one.key) for one in messages}
    return {MessageKey(*row) for row in await store.read(lambda tx: streams.taken(tx, rows))}


def take_messages(tx: Tx, wanted: Mapping[str, MessageKey]) -> dict[str, MessageKey]:
    """Those of `wanted`, by wait, that have not had a wait before; from now on they have."""
    if not wanted:
        return {}
    streams.forget_taken(tx)
    return {uid: one for uid, one in wanted.items() if streams.take(tx, TakenMessage(one.stream, one.key))}


def put_back(tx: Tx, messages: Iterable[MessageKey]) -> None:
    """The waits that were to have these were over."""
    for one in messages:
        streams.put_back(tx, TakenMessage(one.stream, one.key))
