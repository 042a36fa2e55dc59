"""Pools: slots that tasks of any DAG share, such as the places on a cluster."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple, cast

from bide.model.errors import InvalidArgument

#: The pool of tasks that name none; always there.
DEFAULT_POOL: Final = "default_pool"
#: Slots of the default pool as long as nobody says otherwise.
DEFAULT_POOL_SLOTS: Final = 128
#: As a number of slots: there is no limit.
UNLIMITED: Final = -1
_LONGEST_NAME: Final = 250


class Pool(NamedTuple):
    """One pool."""

    name: str
    #: How many at once; :data:`UNLIMITED` for any number.
    slots: int
    description: str = ""
    #: Whether deferred tasks take slots, too.
    include_deferred: bool = False


#: The default pool where the store has no row of it.
DEFAULT: Final = Pool(DEFAULT_POOL, DEFAULT_POOL_SLOTS, "Tasks that name no pool")


def check_pool(pool: Pool) -> Pool:
    """`pool`, or :class:`InvalidArgument` with what is wrong with it."""
    name: Any = pool.name
    if not isinstance(name, str) or not name or len(name) > _LONGEST_NAME or re.search(r"[/\x00-\x1f]", name):
        raise InvalidArgument(
            f"{name!r} is no name of a pool: it has 1 to {_LONGEST_NAME} characters, and no slash among them"
        )
    slots: Any = pool.slots
    if not isinstance(slots, int) or isinstance(slots, bool) or slots < UNLIMITED:
        raise InvalidArgument(
            f"pool {name!r}: slots must be an integer of 0 or more, or {UNLIMITED} for no limit, not {slots!r}"
        )
    return pool


def read_pools(value: object) -> list[Pool]:
    """The pools of a file: ``{"name": {"slots": 5, "description": "...", "include_deferred": false}}``.

    Raises :class:`InvalidArgument` that names the pool and what is wrong with it.
    """
    if not isinstance(value, dict):
        raise InvalidArgument('pools must be a JSON object such as {"spark": {"slots": 5}}')
    pools: list[Pool] = []
    for name, fields in cast("dict[str, Any]", value).items():
        if not isinstance(fields, dict) or "slots" not in fields:
            raise InvalidArgument(f"pool {name!r} must be an object with the field slots, not {fields!r}")
        given = cast("dict[str, Any]", fields)
        unknown = sorted(given.keys() - {"slots", "description", "include_deferred"})
        if unknown:
            raise InvalidArgument(f"pool {name!r} has the unknown field {unknown[0]!r}")
        description, include = given.get("description") or "", given.get("include_deferred", False)
        if not isinstance(description, str) or not isinstance(include, bool):
            raise InvalidArgument(f"pool {name!r}: description is a text and include_deferred true or false")
        pools.append(check_pool(Pool(name, given["slots"], description, include)))
    return pools


def why_never(pool_name: str, wanted: int, slots: int | None) -> str:
    """Why a task that wants so many slots of this pool can't run as things are; empty if it can.

    `slots` is how many the pool has in all, None if there is no such pool. One of none is closed on purpose.
    """
    if slots is None:
        return f"there is no pool {pool_name!r}: make it with `bide pools set {pool_name} SLOTS`"
    if slots not in (UNLIMITED, 0) and wanted > slots:
        return (
            f"it wants {wanted} slots of pool {pool_name!r}, which has {slots}: "
            f"give it more with `bide pools set {pool_name} SLOTS`, or set a smaller pool_slots"
        )
    return ""


def why_waiting(pool_name: str, wanted: int, slots: int | None) -> str:
    """The same for people, who are also told of a pool that is closed."""
    if slots == 0:
        return f"pool {pool_name!r} is closed: it has no slots"
    return why_never(pool_name, wanted, slots)
