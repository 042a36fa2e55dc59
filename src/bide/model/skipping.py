"""What branches and short circuits have left out: kept as an XCom, as in Airflow, written by the engine itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

#: The XCom's key.
SKIPPED: Final = "skipmixin_key"


class Decision(msgspec.Struct, frozen=True):
    """The tasks directly downstream that a task has left out."""

    skipped: tuple[str, ...] = ()


def write_decision(skipped: Collection[str]) -> bytes:
    """The XCom that keeps `skipped`."""
    return msgspec.json.encode(Decision(tuple(sorted(skipped))))


def read_decision(value: bytes) -> frozenset[str]:
    """What :func:`write_decision` wrote; nothing if the task has pushed something of its own under that key."""
    try:
        return frozenset(msgspec.json.decode(value, type=Decision).skipped)
    except msgspec.DecodeError:
        return frozenset()
