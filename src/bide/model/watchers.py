"""Watchers of assets: what tells one from others, and when one that has failed runs again."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Final, Literal

#: Seconds until a watcher that has failed runs again; doubled with each failure in a row, up to the longest.
_FIRST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 600.0

#: What people are told of a watcher: it runs; no triggerer has it yet; it has failed and waits to run again; all
#: its DAGs are paused or gone.
WatcherState = Literal["watching", "waiting", "failed", "paused"]


def pause_after(failures: int) -> timedelta:
    """How long a watcher rests after so many failures in a row."""
    return timedelta(seconds=min(_FIRST_PAUSE * 2 ** min(failures - 1, 60), _LONGEST_PAUSE))


def state_of(*, is_wanted: bool, is_leased: bool, is_resting: bool) -> WatcherState:
    """What people are told of it."""
    if not is_wanted:
        return "paused"
    if is_leased:
        return "watching"
    return "failed" if is_resting else "waiting"


def event_key(key: str | None, payload: bytes) -> str:
    """What tells an event of a watcher from its others: its key, or else what it says. In hex."""
    return hash_of("key", key) if key is not None else hash_of("payload", payload)


def hash_of(*parts: str | bytes | float | None) -> str:
    """SHA-256 of `parts`, in hex; none of them runs into the next one."""
    digest = sha256()
    for part in parts:
        text = part if isinstance(part, bytes) else b"" if part is None else str(part).encode()
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()
