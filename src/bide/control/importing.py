"""What an import of named things does with names that are taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from bide.model.errors import Conflict

#: Of a name that is taken.
OnExisting = Literal["overwrite", "fail", "skip"]


class Sorted(NamedTuple):
    """Names to write, and those that are left alone."""

    wanted: list[str]
    skipped: list[str]


def sort_out(names: Sequence[str], known: Collection[str], on_existing: OnExisting, kind: str) -> Sorted:
    """What is to be written of `names`, each of a `kind`. Raises :class:`Conflict` for the first that is taken."""
    taken = [name for name in names if name in known]
    if taken and on_existing == "fail":
        raise Conflict(f"nothing is imported: there is a {kind} {taken[0]!r} already")
    if on_existing == "skip":
        return Sorted([name for name in names if name not in known], taken)
    return Sorted(list(names), [])
