"""Selections of an engine that works on one run, or on some queues, only."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from bide.store.rowset import listed


def in_scope(run_uid: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """True for every row if the parameter ``only`` is null, else for those of that run."""
    only = sa.bindparam("only", type_=sa.String(36))
    return sa.or_(only.is_(None), run_uid == only)


def in_queues(column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether `column` is one of the queues of :func:`queues_given`."""
    return sa.or_(sa.bindparam("every_queue", type_=sa.Boolean).is_(sa.true()), column.in_(listed("queues")))


def queues_given(queues: Collection[str] | None) -> dict[str, Any]:
    """The parameters of :func:`in_queues`; None for all queues."""
    return {"every_queue": queues is None, "queues": queues or ()}
