"""What is to be called because a task or a run has ended."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.schema.columns import ROW_NUMBER, UID, UtcTime, metadata, rows_where

callback_request = sa.Table(
    "callback_request",
    metadata,
    sa.Column("uid", UID, primary_key=True),
    #: The instance that ended; of a run, the one of its instances that its context tells of.
    sa.Column("instance_uid", UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), nullable=False),
    sa.Column("run_uid", UID, nullable=False),
    #: Under which the instance ended.
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("try_number", sa.Integer, nullable=False),
    sa.Column("event", sa.String(20), nullable=False),
    sa.Column("previous_state", sa.String(20), nullable=False),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.Column("ended_at", UtcTime, nullable=False),
    #: When they may be called; later after a process died of them.
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    #: The engine whose process calls them.
    sa.Column("session", UID),
    sa.Index("ix_callback_request_instance", "instance_uid"),
    sa.Index("ix_callback_request_due", "due_at", **rows_where("session IS NULL")),
    sa.Index("ix_callback_request_session", "session", **rows_where("session IS NOT NULL")),
    sa.Index("ix_callback_request_run", "run_uid"),
)

callback_failure = sa.Table(
    "callback_failure",
    metadata,
    sa.Column("id", ROW_NUMBER, primary_key=True),
    sa.Column("instance_uid", UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    #: One line: which callback or listener, and why.
    sa.Column("error", sa.Text, nullable=False),
    sa.Index("ix_callback_failure_instance", "instance_uid"),
)
