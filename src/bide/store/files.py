"""DAG files: what was read, and what could not be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.schema import dag_file, import_error
from bide.store.upserting import upsert


class ImportErrorRow(NamedTuple):
    """Why a file, or one DAG of it, can't be used."""

    filename: str
    dag_id: str | None
    line: int | None
    message: str
    stack_trace: str


def save(tx: Tx, path: str, *, folder: str, duration: float, inputs: Mapping[str, tuple[int, int]]) -> None:
    """Take note that `path` was read just now."""
    statement = upsert(dag_file)
    values = {"folder": folder, "parsed_at": tx.now, "duration": duration, "inputs": dict(inputs)}
    tx.conn.execute(statement.on_conflict_do_update(index_elements=["path"], set_=values), {"path": path, **values})


def inputs_of(tx: Tx, path: str) -> dict[str, tuple[int, int]] | None:
    """What the last import of `path` has read; None if it is not known."""
    inputs = tx.conn.execute(sa.select(dag_file.c.inputs).where(dag_file.c.path == path)).scalar_one_or_none()
    return None if inputs is None else {name: (stamp[0], stamp[1]) for name, stamp in inputs.items()}


def durations(tx: Tx) -> dict[str, float]:
    """Seconds that the last import of each file took."""
    rows = tx.conn.execute(sa.select(dag_file.c.path, dag_file.c.duration))
    return {row.path: row.duration for row in rows}


def replace_errors(tx: Tx, path: str, errors: Sequence[ImportErrorRow]) -> None:
    """The errors of the newest parse of `path`, instead of the earlier ones."""
    tx.conn.execute(sa.delete(import_error).where(import_error.c.filename == path))
    if errors:
        tx.conn.execute(sa.insert(import_error), [{**error._asdict(), "timestamp": tx.now} for error in errors])


def forget(tx: Tx, path: str) -> None:
    """The file is gone."""
    tx.conn.execute(sa.delete(dag_file).where(dag_file.c.path == path))
    tx.conn.execute(sa.delete(import_error).where(import_error.c.filename == path))


def known_paths(tx: Tx) -> set[str]:
    """Every file that was read."""
    return set(tx.conn.execute(sa.select(dag_file.c.path)).scalars())
