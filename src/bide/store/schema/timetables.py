"""What timetables of authors' own are to be asked."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.schema.columns import ID, UID, UtcTime, metadata, rows_where

timetable_question = sa.Table(
    "timetable_question",
    metadata,
    sa.Column("uid", UID, primary_key=True),
    sa.Column("dag_id", ID, nullable=False),
    #: The run by hand that waits for its data interval; null: when does the DAG run next?
    sa.Column("run_uid", UID, sa.ForeignKey("dag_run.uid", ondelete="CASCADE")),
    #: When to ask; while somebody does, when the next one may.
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    #: Why the last attempt failed.
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.Column("stack_trace", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_timetable_question_due_at", "due_at"),
    sa.Index("ix_timetable_question_dag_id", "dag_id"),
    sa.Index("ix_timetable_question_run_uid", "run_uid", **rows_where("run_uid IS NOT NULL")),
)
