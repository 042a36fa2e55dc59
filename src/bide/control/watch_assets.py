"""Lease the triggers that watch assets to triggerers, and store what they find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Protocol

from bide.control.record_assets import NewEvent, record_events
from bide.control.shared_streams import checkpoints_for
from bide.model.assets import AssetSpec
from bide.model.log_path import LogLayout, watcher_log_path
from bide.model.values import encoded_mapping
from bide.model.watchers import event_key, hash_of, pause_after
from bide.store import Store, Tx, sessions, streams, watchers
from bide.store.streams import TakenMessage
from bide.store.watchers import Made, Stop, WatchedAsset
from bide.wire.messages import InstanceKey, Outcome, TriggerLoad
from bide.wire.stream_messages import Checkpoint, MessageKey
from bide.wire.trigger_messages import FurtherEvent


class Said(Protocol):
    """What a trigger runner says of a watcher, as :class:`~bide.control.accept_event.WaitEnding` has it."""

    @property
    def wait_id(self) -> str: ...
    @property
    def token(self) -> int: ...
    @property
    def outcome(self) -> Outcome | None: ...
    @property
    def error(self) -> str: ...
    @property
    def message(self) -> MessageKey | None: ...
    @property
    def written_at(self) -> float | None: ...
    @property
    def more(self) -> Sequence[FurtherEvent]: ...


async def claim_watchers(
    store: Store, session: str, limit: int, *, logs: LogLayout, queues: Collection[str] | None = None
) -> list[TriggerLoad]:
    """Lease up to `limit` watchers of `queues` that nobody runs, with all that a trigger runner needs."""

    def work(tx: Tx) -> list[TriggerLoad]:
        sessions.hold(tx, session)
        found = watchers.claim(tx, session, _share(tx, session, limit, queues), queues)
        streams = [one.watcher for one in found if one.watcher.kind == "stream"]
        read_so_far = checkpoints_for(tx, {row.group_key or row.uid for row in streams})
        return [_load(one, logs, read_so_far) for one in found]

    return await store.write(work)


def _share(tx: Tx, session: str, limit: int, queues: Collection[str] | None) -> int:
    """How many to take, so that other triggerers get their part; what is left over is rung for again."""
    others = sessions.count_triggering(tx, queues) if tx.shared else 1
    if others <= 1:
        return limit
    there = watchers.count_unclaimed(tx, session, limit * others, queues)
    share = min(limit, ceil(there / others))
    if share < min(limit, there):
        tx.ring("watchers")
    return share


def _load(one: WatchedAsset, logs: LogLayout, read_so_far: dict[str, Checkpoint]) -> TriggerLoad:
    row = one.watcher
    return TriggerLoad(
        wait_id=row.uid,
        token=row.token,
        kind="poll" if row.kind == "poll" else "stream",
        classpath=row.classpath,
        kwargs=row.kwargs,
        # It runs for no task.
        instance=InstanceKey("", "", "", "", -1),
        try_number=1,
        dag_file=row.dag_file,
        dag_folder=row.dag_folder,
        log_path=str(logs.root / watcher_log_path(one.asset_name, row.name)),
        interval=row.interval,
        group_key=row.group_key,
        armed_at=row.created_at.timestamp(),
        checkpoint=read_so_far.get(row.group_key or row.uid),
        many=True,
        last_key=row.last_key,
    )


async def next_retry(store: Store) -> datetime | None:
    """When a watcher that has failed is to run again."""
    return await store.read(watchers.next_retry)


def accept_watched(tx: Tx, said: Sequence[Said]) -> set[str]:
    """Store the events of watchers, and how others have ended; the answer has those whose lease is good.

    An event that was stored before, by its key, is counted and not stored again. A watcher that has failed rests
    for a while; one that has just come to its end runs again at once.
    """
    found = watchers.get_many(tx, {one.wait_id for one in said}, lock=True)
    valid = [
        (found[one.wait_id], one)
        for one in said
        if one.wait_id in found and found[one.wait_id].watcher.token == one.token
    ]
    stops: list[Stop] = []
    found_events: list[tuple[WatchedAsset, FurtherEvent]] = []
    for watched, one in valid:
        if one.outcome is not None:
            first = FurtherEvent(one.outcome, one.message, one.written_at)
            found_events += [(watched, event) for event in (first, *one.more)]
            continue
        row = watched.watcher
        failures = row.failures + 1 if one.error else 0
        retry_at = tx.now + pause_after(failures) if one.error else None
        stops.append(Stop(row.uid, failures, one.error, retry_at))
    _store(tx, found_events)
    watchers.note_stops(tx, stops)
    return {one.wait_id for _, one in valid}


def _store(tx: Tx, found: Sequence[tuple[WatchedAsset, FurtherEvent]]) -> None:
    """Store events that were not stored before, and note how many each watcher has made."""
    if not found:
        return
    streams.forget_taken(tx)
    new = _new_ones(tx, found)
    record_events(tx, [_event(watched, one.outcome) for watched, one in new])
    counts = Counter(watched.watcher.uid for watched, _ in new)
    of_each: dict[str, list[FurtherEvent]] = {}
    for watched, one in found:
        of_each.setdefault(watched.watcher.uid, []).append(one)
    watchers.note_made(tx, [_made(tx.now, uid, events, counts[uid]) for uid, events in of_each.items()])


def _made(now: datetime, uid: str, events: Sequence[FurtherEvent], new: int) -> Made:
    last = events[-1]
    lag = None
    if last.written_at is not None:
        lag = max(0.0, (now - datetime.fromtimestamp(last.written_at, UTC)).total_seconds())
    return Made(uid, new, len(events) - new, event_key(last.outcome.key, last.outcome.payload), lag)


def _new_ones(
    tx: Tx, found: Sequence[tuple[WatchedAsset, FurtherEvent]]
) -> list[tuple[WatchedAsset, FurtherEvent]]:
    """Those that were not stored before, of each once; from now on they were. One without a key is always new."""
    by_message = [
        None if one.message is None else TakenMessage(one.message.stream, one.message.key) for _, one in found
    ]
    found = _not_taken(tx, found, by_message)
    # Whatever its trigger is by now, an event of that name was stored.
    by_name = [
        None
        if one.outcome.key is None
        else TakenMessage(hash_of(watched.watcher.asset_uid, watched.watcher.name), event_key(one.outcome.key, b""))
        for watched, one in found
    ]
    return _not_taken(tx, found, by_name)


def _not_taken(
    tx: Tx, found: Sequence[tuple[WatchedAsset, FurtherEvent]], keys: Sequence[TakenMessage | None]
) -> list[tuple[WatchedAsset, FurtherEvent]]:
    left = streams.take_many(tx, {key for key in keys if key is not None})
    new: list[tuple[WatchedAsset, FurtherEvent]] = []
    for one, key in zip(found, keys, strict=True):
        if key is None or key in left:
            new.append(one)
        if key is not None:
            left.discard(key)
    return new


def _event(watched: WatchedAsset, outcome: Outcome) -> NewEvent:
    extra = encoded_mapping([("from_trigger", b"true"), ("payload", outcome.payload)])
    asset = AssetSpec(watched.asset_name, watched.asset_uri)
    return NewEvent(asset, extra, made_by=f"watcher {watched.watcher.name}")
