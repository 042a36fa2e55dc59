"""The journal of a task that waits in the middle of its function: what is kept so that it can be replayed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

#: "Method" of a wait whose task goes on by running its function again from the start.
RESUME_BY_REPLAY: Final = "__replay__"
#: Key of the entry that holds what the function was first called with.
INPUTS: Final = "inputs"
#: What one journal holds at most.
MAX_ENTRIES: Final = 1_000
MAX_BYTES: Final = 1024 * 1024


class JournalEntry(msgspec.Struct, frozen=True, array_like=True):
    """One step or wait of one task instance."""

    #: Name and occurrence: ``submit#1``.
    key: str
    kind: Literal["inputs", "step", "wait"]
    status: Literal["waiting", "done", "failed"]
    #: Encoded: what a step returned, or the payload of a wait's event; of one that failed: why, as text.
    value: bytes
    #: Where the function asked for it: ``dags/orders.py:42 in approve``.
    line: str
    #: The try that wrote it.
    try_number: int
    #: Order in which they were begun, from 0.
    position: int
    #: failed: whether the wait's time was over.
    timed_out: bool = False


def replayable(entries: Iterable[JournalEntry], *, is_resume: bool, only_try: int | None) -> list[JournalEntry]:
    """What a segment may take from the journal instead of doing it again.

    A new try does not take over waits that failed or that nobody ended. `only_try`: nothing of other tries.
    """
    return [
        entry
        for entry in entries
        if (entry.status == "done" or (is_resume and entry.status == "failed"))
        and (only_try is None or entry.try_number == only_try)
    ]


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(JournalEntry)


def write_entry(entry: JournalEntry) -> bytes:
    """The stored form of `entry`."""
    return _encode(entry)


def read_entry(data: bytes) -> JournalEntry:
    """What :func:`write_entry` wrote. Raises :class:`msgspec.DecodeError` for anything else."""
    return _decoder.decode(data)
