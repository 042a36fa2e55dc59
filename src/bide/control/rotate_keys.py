"""Encrypt stored values with the newest key, while engines work; and say which key is still needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

from bide.model.sealed import PLAIN, SEALED
from bide.store import Store, Tx, sealed_rows
from bide.store.sealed_rows import COLUMNS, SealedColumn, StoredValue

#: Values in one transaction: an engine that writes beside should not notice.
_BATCH: Final = 200
#: Passes over the store. The second finds what an engine has written meanwhile that did not have the new key yet.
_PASSES: Final = 5

Use = Literal["encrypts", "decrypts", "missing", "not encrypted", "empty"]
#: Told how many values are done, and how many there are to do.
Progress = Callable[[int, int], None]


class KeyUse(NamedTuple):
    """One key and the values that need it; or values that need none."""

    #: Fingerprint; None for values that need no key.
    key: str | None
    use: Use
    #: Values by column; columns without any are left out.
    columns: dict[str, int]

    @property
    def rows(self) -> int:
        """All values."""
        return sum(self.columns.values())


class Rotation(NamedTuple):
    """What was done."""

    #: Values that are encrypted with the newest key now, and were not before.
    resealed: int
    #: Values whose key is missing.
    missing: int
    #: Values that an engine has written meanwhile with another key: it does not have the newest one.
    left: int


async def key_usage(store: Store) -> list[KeyUse]:
    """Each key of this process, the one that encrypts first; then missing keys, and values that need none."""
    counts = await store.read(_count)
    ours = store.keys.fingerprints
    uses = [
        KeyUse(key, "decrypts" if place else "encrypts", counts.pop(_header(key), {}))
        for place, key in enumerate(ours)
    ]
    plain = counts.pop(bytes([PLAIN]), {})
    missing = {head: columns for head, columns in counts.items() if head[:1] == bytes([SEALED])}
    uses += [KeyUse(head[1:].hex(), "missing", columns) for head, columns in sorted(missing.items())]
    open_ones: Counter[str] = Counter()
    for head, columns in counts.items():
        if head not in missing:
            open_ones.update(columns)
    uses.append(KeyUse(None, "not encrypted", dict(open_ones)))
    uses.append(KeyUse(None, "empty", plain))
    return uses


def _header(key: str) -> bytes:
    return bytes([SEALED]) + bytes.fromhex(key)


def _count(tx: Tx) -> dict[bytes, dict[str, int]]:
    """Values by what they begin with and by column."""
    found: dict[bytes, dict[str, int]] = {}
    for column in COLUMNS:
        for head, count in sealed_rows.count_heads(tx, column).items():
            found.setdefault(head, {})[column.name] = count
    return found


async def rotate_keys(store: Store, progress: Progress = lambda _done, _total: None) -> Rotation:
    """Encrypt with the newest key whatever is encrypted with another, or not at all.

    A value that changes meanwhile is not overwritten. What was done before an interruption stays done.
    """
    done = 0
    for _ in range(_PASSES):
        # What comes first in a value that is to be sealed anew: of our other keys, or of none.
        stale = await store.read(lambda tx: _stale_heads(store, tx))
        total = done + sum(sum(columns.values()) for columns in stale.values())
        progress(done, total)
        if not stale:
            break
        before = done
        for column in COLUMNS:
            heads = [head for head, columns in stale.items() if column.name in columns]
            if heads:
                done = await _rotate_column(store, column, heads, done, lambda now, all_=total: progress(now, all_))
        if done == before:
            break  # what is left is damaged
    uses = await key_usage(store)
    left = sum(one.rows for one in uses if one.use in ("decrypts", "not encrypted"))
    return Rotation(done, sum(one.rows for one in uses if one.use == "missing"), left)


def _stale_heads(store: Store, tx: Tx) -> dict[bytes, dict[str, int]]:
    current = {_header(store.keys.fingerprints[0]), bytes([PLAIN])}
    others = {_header(key) for key in store.keys.fingerprints} - current
    return {
        head: columns
        for head, columns in _count(tx).items()
        if head in others or (head not in current and head[:1] != bytes([SEALED]))
    }


async def _rotate_column(
    store: Store, column: SealedColumn, heads: Sequence[bytes], done: int, progress: Callable[[int], None]
) -> int:
    """Seal the values of one column anew that begin with one of `heads`; `done`, and those more."""
    last: StoredValue | None = None
    while True:
        found = await store.read(lambda tx, last=last: _read_batch(store, tx, column, heads, last))
        if not found:
            return done
        last = found[-1][0]
        changed = [(old, new) for old, new in found if new != old.stored]
        done += await store.write(lambda tx, changed=changed: sealed_rows.replace(tx, column, changed))
        progress(done)


def _read_batch(
    store: Store, tx: Tx, column: SealedColumn, heads: Sequence[bytes], last: StoredValue | None
) -> list[tuple[StoredValue, bytes]]:
    """Values and their new forms; sealed in a reader's thread, so that the writer only writes."""
    rows = sealed_rows.read_with_heads(tx, column, heads, last, _BATCH)
    return [(row, store.keys.seal(store.keys.open(row.stored))) for row in rows]
