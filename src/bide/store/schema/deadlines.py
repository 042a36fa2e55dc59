"""Moments by which a task or a run should have ended, and what was missed."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.schema.columns import ID, UID, UtcTime, metadata, rows_where

deadline = sa.Table(
    "deadline",
    metadata,
    sa.Column("uid", UID, primary_key=True),
    sa.Column("dag_id", ID, nullable=False),
    sa.Column("run_uid", UID, sa.ForeignKey("dag_run.uid", ondelete="CASCADE"), nullable=False),
    #: Of an ``sla=``: the task; null for a deadline alert of the run.
    sa.Column("task_id", ID),
    #: Which of the DAG's deadline alerts; null for an ``sla=``.
    sa.Column("number", sa.Integer),
    #: What the author calls it.
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    #: What the moment is counted from.
    sa.Column("reference", sa.String(40), nullable=False),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("missed_at", UtcTime),
    #: The callback request that tells of it.
    sa.Column("request_uid", UID),
    sa.Index("ix_deadline_due", "due_at", **rows_where("missed_at IS NULL")),
    sa.Index("ix_deadline_run_uid", "run_uid"),
    sa.Index("ix_deadline_missed", "dag_id", "missed_at", **rows_where("missed_at IS NOT NULL")),
    sa.Index("ix_deadline_request", "request_uid", **rows_where("request_uid IS NOT NULL")),
)
