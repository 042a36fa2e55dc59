"""Values that lie outside of the store and are to be removed."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.schema.columns import ID, ROW_NUMBER, UtcTime, metadata

xcom_purge = sa.Table(
    "xcom_purge",
    metadata,
    sa.Column("id", ROW_NUMBER, primary_key=True),
    sa.Column("dag_id", ID, nullable=False),
    sa.Column("run_id", ID, nullable=False),
    #: Of one value of a backend; null for all objects of a run.
    sa.Column("task_id", ID),
    sa.Column("map_index", sa.Integer),
    sa.Column("key", sa.String(512)),
    sa.Column("value", sa.LargeBinary),
    #: When it is tried next; while somebody does, when another may.
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    #: Why the last attempt failed.
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_xcom_purge_due", "due_at"),
)
