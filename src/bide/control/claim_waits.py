"""Lease waits to the triggerer of an engine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import ceil

from bide.control.shared_streams import checkpoints_of
from bide.control.start_tasks import log_path_of
from bide.model.log_path import LogLayout
from bide.store import Store, Tx, instances, obligations, sessions, specs, waits, watchers
from bide.store.instances import InstanceRow
from bide.store.obligations import ObligationRow
from bide.store.runs import RunRow
from bide.wire.messages import InstanceKey, TriggerLoad
from bide.wire.stream_messages import Checkpoint


async def claim_waits(
    store: Store,
    session: str,
    limit: int,
    *,
    logs: LogLayout,
    only: str | None = None,
    queues: Collection[str] | None = None,
) -> list[TriggerLoad]:
    """Lease up to `limit` waits of `queues` that nobody serves, with all that a trigger runner needs."""

    def work(tx: Tx) -> list[TriggerLoad]:
        sessions.hold(tx, session)
        return _claim(tx, session, limit, logs, only, queues)

    return await store.write(work)


def claim_at_once(
    tx: Tx,
    session: str,
    limit: int,
    *,
    logs: LogLayout,
    only: str | None = None,
    queues: Collection[str] | None = None,
) -> list[TriggerLoad]:
    """As :func:`claim_waits`, in a transaction that has made waits: nothing is left to ring for, if that is so."""
    if not sessions.may_take(tx, session):
        return []
    tx.hush("waits")
    loads = _claim(tx, session, limit, logs, only, queues)
    if len(loads) == limit or (tx.shared and waits.any_unclaimed(tx)):
        tx.ring("waits")
    return loads


def _claim(
    tx: Tx, session: str, limit: int, logs: LogLayout, only: str | None, queues: Collection[str] | None
) -> list[TriggerLoad]:
    rows = waits.claim(tx, session, _share(tx, session, limit, only, queues), only, queues)
    owners = instances.with_runs(tx, {row.instance_uid for row in rows})
    read_so_far = checkpoints_of(tx, rows)
    return [
        _load(
            tx,
            *owners[row.instance_uid],
            logs,
            wait_id=row.uid,
            token=row.token,
            kind=row.kind,
            classpath=row.classpath,
            kwargs=row.kwargs,
            interval=row.interval,
            group_key=row.group_key,
            # What a part of a tree ends with, the root goes on with.
            must_end=row.method is None and row.parent_uid is None,
            armed_at=row.armed_at.timestamp(),
            checkpoint=read_so_far.get(row.group_key or row.uid),
        )
        for row in rows
    ]


def _share(tx: Tx, session: str, limit: int, only: str | None, queues: Collection[str] | None) -> int:
    """How many of at most `limit` waits to take, so that those who also run triggers get their part.

    What is left over is rung for again: whoever is free takes of it.
    """
    if not tx.shared or only is not None:
        return limit
    others = sessions.count_triggering(tx, queues)
    if others <= 1:
        return limit
    there = waits.count_unclaimed(tx, session, limit * others, only, queues)
    share = min(limit, ceil(there / others))
    if share < min(limit, there):
        tx.ring("waits")
    return share


async def release_waits(store: Store, session: str, wait_ids: Collection[str] | None = None) -> int:
    """Give leases back: all of `session`, or those of `wait_ids`. Events under the old token are refused."""
    return await store.write(
        lambda tx: waits.release(tx, session, wait_ids) + watchers.release(tx, session, wait_ids)
    )


async def take_over_waits(store: Store, session: str, *, only: str | None = None) -> int:
    """Take the leases of engines that are gone, where there is one engine at a time."""

    def work(tx: Tx) -> int:
        obligations.give_back_others(tx, session, only)
        return waits.release_others(tx, session, only) + watchers.release_others(tx, session)

    return await store.write(work)


async def held_waits(store: Store, session: str) -> set[str]:
    """The waits that `session` has leased and that still wait, and the watchers."""
    return await store.read(lambda tx: waits.held(tx, session) | watchers.held(tx, session))


def loads_for_obligations(tx: Tx, rows: Sequence[ObligationRow], logs: LogLayout) -> list[tuple[str, TriggerLoad]]:
    """What a trigger runner needs to cancel external work, by obligation."""
    owners = instances.with_runs(tx, {row.instance_uid for row in rows})
    return [
        (
            row.uid,
            _load(
                tx,
                *owners[row.instance_uid],
                logs,
                wait_id=row.wait_uid,
                token=row.attempts,
                kind=row.kind,
                classpath=row.classpath,
                kwargs=row.kwargs,
                interval=None,
            ),
        )
        for row in rows
    ]


def _load(
    tx: Tx,
    owner: InstanceRow,
    run: RunRow,
    logs: LogLayout,
    *,
    wait_id: str,
    token: int,
    kind: str,
    classpath: str,
    kwargs: bytes,
    interval: float | None,
    group_key: str | None = None,
    must_end: bool = False,
    armed_at: float = 0.0,
    checkpoint: Checkpoint | None = None,
) -> TriggerLoad:
    spec = specs.structure_of(tx, run.version_uid).spec
    return TriggerLoad(
        wait_id=wait_id,
        token=token,
        kind="poll" if kind == "poll" else "stream",
        classpath=classpath,
        kwargs=kwargs,
        instance=InstanceKey(owner.uid, owner.dag_id, owner.run_id, owner.task_id, owner.map_index),
        try_number=owner.try_number,
        dag_file=spec.file,
        dag_folder=spec.folder,
        log_path=str(log_path_of(owner, run, logs)),
        interval=interval,
        group_key=group_key,
        must_end=must_end,
        armed_at=armed_at,
        checkpoint=checkpoint,
        epoch=owner.epoch,
    )
