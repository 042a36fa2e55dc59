"""What is known of DAGs and their files."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.schema.columns import ID, UID, UtcTime, metadata, rows_where

dag_version = sa.Table(
    "dag_version",
    metadata,
    sa.Column("uid", UID, primary_key=True),
    sa.Column("dag_id", ID, nullable=False),
    sa.Column("version_number", sa.Integer, nullable=False),
    sa.Column("dag_hash", sa.String(32), nullable=False),
    sa.Column("spec", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.UniqueConstraint("dag_id", "dag_hash"),
    sa.UniqueConstraint("dag_id", "version_number"),
)

dag = sa.Table(
    "dag",
    metadata,
    sa.Column("dag_id", ID, primary_key=True),
    sa.Column("fileloc", sa.Text, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("version_uid", UID, sa.ForeignKey("dag_version.uid"), nullable=False),
    sa.Column("is_paused", sa.Boolean, nullable=False),
    #: False once its file, or the file's last good version, no longer makes it.
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    sa.Column("owners", sa.Text, nullable=False, server_default=""),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("timetable_summary", sa.Text, nullable=False, server_default=""),
    sa.Column("max_active_runs", sa.Integer, nullable=False),
    sa.Column("max_active_tasks", sa.Integer, nullable=False),
    #: When the next scheduled run is to be made; null for never.
    sa.Column("next_run_at", UtcTime),
    #: As a timetable of the author's own names it; null: as usual.
    sa.Column("next_run_id", ID),
    sa.Column("next_interval_start", UtcTime),
    sa.Column("next_interval_end", UtcTime),
    sa.Column("last_parsed_at", UtcTime, nullable=False),
    sa.Index(
        "ix_dag_due",
        "next_run_at",
        **rows_where("next_run_at IS NOT NULL"),
    ),
    sa.Index("ix_dag_fileloc", "fileloc"),
)

dag_file = sa.Table(
    "dag_file",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("parsed_at", UtcTime, nullable=False),
    #: Seconds that the import took.
    sa.Column("duration", sa.Float, nullable=False),
    #: {path: [mtime in ns, size]} of what the import read.
    sa.Column("inputs", sa.JSON, nullable=False),
)

import_error = sa.Table(
    "import_error",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("filename", sa.Text, nullable=False),
    sa.Column("dag_id", ID),
    sa.Column("line", sa.Integer),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("stack_trace", sa.Text, nullable=False, server_default=""),
    sa.Column("timestamp", UtcTime, nullable=False),
    sa.Index("ix_import_error_filename", "filename"),
)
