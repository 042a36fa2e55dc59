"""Journals of functions that wait: kept with what changes them, handed to the workers that replay them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec

from bide.model.errors import KeyMissing
from bide.model.journal import RESUME_BY_REPLAY, JournalEntry, read_entry, write_entry
from bide.model.sealed import refuse_sealed
from bide.model.values import encode
from bide.store import Tx, task_states
from bide.store.task_states import TaskStateRow
from bide.store.waits import WaitRow
from bide.wire.messages import Outcome


def keep_entries(tx: Tx, instance_uid: str, entries: Sequence[JournalEntry]) -> None:
    """Store entries, or their newer forms."""
    task_states.put(
        tx, [TaskStateRow(instance_uid, "journal", one.key, write_entry(one), one.position) for one in entries]
    )


def load_journals(tx: Tx, instance_uids: Collection[str]) -> dict[str, tuple[JournalEntry, ...]]:
    """The journals of these instances, in order. Entries that can't be read are left out, and so done again."""
    if not instance_uids:
        return {}
    found = task_states.get(tx, instance_uids, "journal")
    return {uid: tuple(entry for row in rows if (entry := _read(row)) is not None) for uid, rows in found.items()}


class EndedWait(NamedTuple):
    """A wait of such a function that is over, by an event or, where that is None, by an error."""

    row: WaitRow
    outcome: Outcome | None
    error: str


def settle_waits(tx: Tx, ended: Sequence[EndedWait], *, timed_out: bool) -> None:
    """Note in the journals how waits ended."""
    replayed = {one.row.instance_uid: one for one in ended if one.row.method == RESUME_BY_REPLAY}
    if not replayed:
        return
    rows: list[TaskStateRow] = []
    for uid, stored in task_states.get(tx, replayed, "journal").items():
        one = replayed[uid]
        for row in stored:
            entry = _read(row) if row.key == one.row.name else None
            if entry is not None:
                rows.append(row._replace(value=write_entry(_ended(entry, one, timed_out))))
    task_states.put(tx, rows)


def _ended(entry: JournalEntry, one: EndedWait, timed_out: bool) -> JournalEntry:
    if one.outcome is not None:
        return msgspec.structs.replace(entry, status="done", value=one.outcome.payload)
    value = encode(one.error, what="error")
    return msgspec.structs.replace(entry, status="failed", value=value, timed_out=timed_out)


def _read(row: TaskStateRow) -> JournalEntry | None:
    try:
        refuse_sealed(row.value)
        return read_entry(row.value)
    except (msgspec.DecodeError, KeyMissing):
        return None
