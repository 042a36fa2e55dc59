"""What the database drivers raise, as errors of Bide."""

from __future__ import annotations

import sqlalchemy.exc

from bide.model.errors import BideError, StoreDamaged, StoreError, StoreUnavailable

#: (part of the driver's message, error, what to tell a person)
_SQLITE: tuple[tuple[str, type[StoreError], str], ...] = (
    ("database or disk is full", StoreUnavailable, "the disk is full: free some space; nothing was lost"),
    ("disk i/o error", StoreUnavailable, "the disk reports an I/O error (full, failing or detached?)"),
    (
        "database is locked",
        StoreUnavailable,
        "another process has locked it (a backup, a database shell?): try again when it is done",
    ),
    (
        "unable to open database file",
        StoreUnavailable,
        "it can't be opened: does the folder exist, and may you write there?",
    ),
    ("attempt to write a readonly database", StoreUnavailable, "it can't be written: check its permissions"),
    ("file is not a database", StoreDamaged, "the file is not an SQLite database: move it away or restore a copy"),
    ("malformed", StoreDamaged, "the database is damaged: restore a copy, or try `sqlite3 FILE .recover`"),
)


def translate(error: sqlalchemy.exc.DBAPIError, url: str) -> BideError:
    """The error of Bide for a driver's `error`."""
    text = str(error.orig).lower()
    for part, kind, advice in _SQLITE:
        if part in text:
            return kind(f"store {url}: {advice}")
    return StoreError(f"store {url}: {error.orig}")
