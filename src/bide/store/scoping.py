"""Selections of an engine that works on one run only."""

from __future__ import annotations

import sqlalchemy as sa


def in_scope(run_uid: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """True for every row if the parameter ``only`` is null, else for those of that run."""
    only = sa.bindparam("only", type_=sa.String(36))
    return sa.or_(only.is_(None), run_uid == only)
