"""Taking work that several engines look for: each row is found by one of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def free(chosen: sa.Select[*tuple[Any, ...]], name: str = "chosen") -> sa.Select[*tuple[Any, ...]]:
    """For ``column.in_(free(...))``: the rows of `chosen` that no other transaction has locked; locks them.

    Where the database has one writer, that is all of them. The selection is made once, whatever the plan is.
    """
    locked = chosen.with_for_update(skip_locked=True).cte(name)
    return sa.select(*locked.c)
