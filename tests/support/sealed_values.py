"""Values in every column that is encrypted, and the columns as they lie in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from bide.store import Store, Tx
from bide.store.ids import new_id
from bide.store.schema import (
    asset,
    asset_event,
    asset_state,
    asset_watcher,
    cancel_obligation,
    checkpoint,
    connection,
    metadata,
    resume,
    signal,
    task_state,
    variable,
    wait,
)
from bide.store.sealing import Sealed
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

#: Every column that is encrypted: (table, column).
COLUMNS = [
    (table, column) for table in metadata.sorted_tables for column in table.c if isinstance(column.type, Sealed)
]


async def put_values(engine: HandEngine, count: int, value: bytes = b'"s3cr3t-text"') -> None:
    """A run of `count` task instances, each with one row in every table that has an encrypted column."""
    spec = dag_spec("sealed", {f"t{number}": [] for number in range(count)})
    await engine.run_of(spec)

    def work(tx: Tx) -> None:
        rows = tx.conn.exec_driver_sql("SELECT uid, run_uid FROM task_instance").all()
        for uid, run_uid in rows:
            for table, fields in _rows(tx, uid, run_uid, value):
                tx.conn.execute(sa.insert(table), fields)

    await engine.store.write(work)


def _rows(tx: Tx, uid: str, run_uid: str, value: bytes) -> list[tuple[sa.Table, dict[str, Any]]]:
    later = tx.now + timedelta(days=1)
    one = {"instance_uid": uid}
    trigger = {"run_uid": run_uid, "epoch": 1, "kind": "poll", "classpath": "some.Trigger", "kwargs": value}
    return [
        (
            wait,
            {
                **one,
                **trigger,
                "uid": new_id(tx.now),
                "subject": "something",
                "has_on_kill": False,
                "outcome": value,
                "resume_kwargs": value,
                "armed_at": tx.now,
                "token": 0,
            },
        ),
        (resume, {**one, "method": "done", "kwargs": value, "event": value}),
        (connection, {"conn_id": uid, "value": value, "updated_at": tx.now}),
        (variable, {"key": uid, "value": value, "is_secret": True, "updated_at": tx.now}),
        (
            cancel_obligation,
            {
                **one,
                **trigger,
                "uid": new_id(tx.now),
                "wait_uid": "w",
                "state": "pending",
                "attempts": 0,
                "due_at": tx.now,
                "give_up_at": later,
                "holds": False,
                "on_failure": "start",
            },
        ),
        (
            signal,
            {
                **one,
                "uid": new_id(tx.now),
                "name": "go",
                "outcome": value,
                "created_at": tx.now,
                "expires_at": later,
            },
        ),
        (task_state, {**one, "kind": "user", "key": "cursor", "value": value, "updated_at": tx.now}),
        (
            asset,
            {"uid": uid, "name": uid, "uri": uid, "group": "asset", "extra": {}, "created_at": tx.now},
        ),
        (asset_state, {"asset_uid": uid, "key": "cursor", "value": value, "updated_at": tx.now}),
        (
            asset_event,
            {
                "uid": new_id(tx.now),
                "asset_uid": uid,
                "timestamp": tx.now,
                "extra": value,
                "source_map_index": -1,
                "made_by": "test",
                "aliases": [],
            },
        ),
        (
            asset_watcher,
            {
                "uid": new_id(tx.now),
                "asset_uid": uid,
                "name": "new files",
                "hash": "0" * 64,
                "kind": "poll",
                "classpath": "some.Trigger",
                "kwargs": value,
                "subject": "something",
                "queue": "default",
                "dag_file": "watched.py",
                "dag_folder": "dags",
                "created_at": tx.now,
                "token": 0,
                "failures": 0,
                "events": 0,
                "duplicates": 0,
            },
        ),
        (checkpoint, {"name": uid, "value": value, "covers": tx.now, "saved_at": tx.now}),
    ]


async def values_of(store: Store, column: sa.Column[Any]) -> list[bytes]:
    """The values of a column as the rest of Bide sees them."""
    return await store.read(lambda tx: list(tx.conn.execute(sa.select(column)).scalars()))


async def stored_values(store: Store) -> dict[str, list[bytes]]:
    """The values of every encrypted column as they lie in the database."""

    def work(tx: Tx) -> dict[str, list[bytes]]:
        return {
            f"{table.name}.{column.name}": [
                bytes(row[0])
                for row in tx.conn.execute(sa.select(sa.type_coerce(column, sa.LargeBinary))).all()
                if row[0] is not None
            ]
            for table, column in COLUMNS
        }

    return await store.read(work)
