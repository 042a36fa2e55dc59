"""Slots that tasks of any DAG share."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.schema.columns import ID, metadata

slot_pool = sa.Table(
    "slot_pool",
    metadata,
    sa.Column("pool", ID, primary_key=True),
    #: How many at once; -1 for any number.
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    #: Whether deferred tasks take slots, too.
    sa.Column("include_deferred", sa.Boolean, nullable=False),
)
