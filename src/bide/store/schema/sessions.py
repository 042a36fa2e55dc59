"""Engines, and who did what."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.schema.columns import ID, ROW_NUMBER, UID, UtcTime, metadata, rows_where

session = sa.Table(
    "session",
    metadata,
    sa.Column("uid", UID, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("hostname", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    #: When it last said that it lives; leases of one that has been silent for too long pass to others.
    sa.Column("heartbeat_at", UtcTime, nullable=False),
    #: Seconds of silence after which it is lost; null for one that alone has its store.
    sa.Column("lost_after", sa.Float),
    #: Of a triggerer: the queues that it serves, as a JSON list; null for all.
    sa.Column("queues", sa.JSON),
    #: Fingerprint of the key with which it encrypts.
    sa.Column("key", sa.String(16)),
    sa.Column("ended_at", UtcTime),
    sa.Index("ix_session_live", "kind", **rows_where("ended_at IS NULL")),
)

writer = sa.Table(
    "writer",
    metadata,
    #: A thread that writes to PostgreSQL.
    sa.Column("uid", UID, primary_key=True),
    #: Of its last transaction.
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

log = sa.Table(
    "log",
    metadata,
    sa.Column("id", ROW_NUMBER, primary_key=True),
    sa.Column("dttm", UtcTime, nullable=False),
    sa.Column("event", sa.String(60), nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("dag_id", ID),
    sa.Column("run_id", ID),
    sa.Column("task_id", ID),
    sa.Column("extra", sa.Text, nullable=False, server_default=""),
)
