"""Change variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bide.control.importing import OnExisting, sort_out
from bide.model.connection_fields import LONGEST_NAME
from bide.model.errors import Conflict, InvalidArgument, NotFound
from bide.model.storable_text import is_storable
from bide.observe.masking import is_secret_name
from bide.store import Store, Tx, sessions, variables
from bide.store.variables import VariableRow

#: Characters of a value. It travels in one message, and is no place for files.
LONGEST_VALUE: Final = 1_000_000


def check_key(key: object) -> str:
    """Return `key` if it may name a variable, else raise :class:`InvalidArgument`."""
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_NAME or key != key.strip():
        raise InvalidArgument(
            f"{key!r} can't be the key of a variable: it is a text of 1 to {LONGEST_NAME} characters, without "
            "spaces around it"
        )
    if not is_storable(key):
        raise InvalidArgument(f"{key!r} can't be the key of a variable: it has characters that can't be stored")
    return key


def set_variable(
    tx: Tx, key: str, value: str, *, description: str | None = None, is_secret: bool | None = None, by: str
) -> VariableRow:
    """Set a variable; what is None stays as it is, and a new one whose name says so is a secret."""
    check_key(key)
    if len(value) > LONGEST_VALUE:
        raise InvalidArgument(
            f"the value of variable {key!r} has {len(value)} characters, {LONGEST_VALUE} at most can be kept: "
            "put it in a file and keep its path here"
        )
    old = variables.find(tx, key)
    if is_secret is None:
        is_secret = is_secret_name(key) if old is None else old.is_secret
    if description is None:
        description = "" if old is None else old.description
    row = VariableRow(key, value, description, is_secret)
    variables.put(tx, [row])
    sessions.audit(tx, "set_variable", owner=by, extra=key)
    tx.ring("variables")
    return row


async def save_variable(
    store: Store, key: str, value: str, *, description: str | None = None, is_secret: bool | None = None, by: str
) -> VariableRow:
    """As :func:`set_variable`, in a transaction of its own."""
    return await store.write(
        lambda tx: set_variable(tx, key, value, description=description, is_secret=is_secret, by=by)
    )


async def create_variable(
    store: Store, key: str, value: str, *, description: str = "", is_secret: bool | None = None, by: str
) -> VariableRow:
    """Set a variable that must be new. Raises :class:`Conflict`."""

    def work(tx: Tx) -> VariableRow:
        if key in variables.known_keys(tx):
            raise Conflict(f"there is a variable {key!r} already")
        return set_variable(tx, key, value, description=description, is_secret=is_secret, by=by)

    return await store.write(work)


async def delete_variable(store: Store, key: str, *, by: str) -> None:
    """Forget a variable. Raises :class:`NotFound`."""

    def work(tx: Tx) -> None:
        if not variables.delete(tx, key):
            raise NotFound(f"there is no variable {key!r}")
        sessions.audit(tx, "delete_variable", owner=by, extra=key)
        tx.ring("variables")

    await store.write(work)


async def import_variables(
    store: Store, rows: Sequence[VariableRow], *, on_existing: OnExisting = "overwrite", by: str
) -> tuple[list[str], list[str]]:
    """Store all of these, or none; the keys that were written, and those that were skipped."""

    def work(tx: Tx) -> tuple[list[str], list[str]]:
        names = [row.key for row in rows]
        wanted, skipped = sort_out(names, variables.known_keys(tx), on_existing, "variable")
        left_alone = set(skipped)
        for row in rows:
            if row.key not in left_alone:
                secret = row.is_secret or None
                set_variable(tx, row.key, row.value, description=row.description or None, is_secret=secret, by=by)
        return wanted, skipped

    return await store.write(work)
