"""Backfills: runs of past dates that somebody asked for."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.schema.columns import ID, UID, UtcTime, metadata, rows_where

backfill = sa.Table(
    "backfill",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("dag_id", ID, nullable=False),
    #: The first and the last moment that a logical date may be.
    sa.Column("from_date", UtcTime, nullable=False),
    sa.Column("to_date", UtcTime, nullable=False),
    #: What becomes of dates that have a run: none, failed or completed.
    sa.Column("reprocess_behavior", sa.String(20), nullable=False),
    #: Of runs that run again, only the tasks that failed.
    sa.Column("only_failed", sa.Boolean, nullable=False),
    #: The newest date first.
    sa.Column("run_backwards", sa.Boolean, nullable=False),
    #: How many of its runs are under way at once; null for as many as its DAG allows.
    sa.Column("max_active_runs", sa.Integer),
    #: JSON object.
    sa.Column("conf", sa.LargeBinary, nullable=False),
    #: How many dates it has, and how many of them had their turn.
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("made", sa.Integer, nullable=False),
    sa.Column("is_paused", sa.Boolean, nullable=False),
    sa.Column("is_cancelled", sa.Boolean, nullable=False),
    #: What it is owed of the next start that other runs of its DAG wait for as well: from 0 to 1.
    sa.Column("turn", sa.Float, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("triggered_by", sa.Text, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("completed_at", UtcTime),
    # One at a time for each DAG.
    sa.Index("ix_backfill_active", "dag_id", unique=True, **rows_where("completed_at IS NULL")),
)

backfill_dag_run = sa.Table(
    "backfill_dag_run",
    metadata,
    sa.Column("backfill_id", sa.Integer, sa.ForeignKey("backfill.id", ondelete="CASCADE"), primary_key=True),
    #: The order in which dates have their turns, from 0.
    sa.Column("sort_ordinal", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("logical_date", UtcTime, nullable=False),
    sa.Column("data_interval_start", UtcTime, nullable=False),
    sa.Column("data_interval_end", UtcTime, nullable=False),
    #: The run that it got; it may have been deleted since.
    sa.Column("run_uid", UID),
    #: Why it got none.
    sa.Column("exception_reason", sa.Text),
)
