"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bide.store.schema import UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table and index."""
    op.create_table(
        "asset",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=1500), nullable=False),
        sa.Column("uri", sa.String(length=1500), nullable=False),
        sa.Column("group", sa.String(length=1500), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_asset")),
        sa.UniqueConstraint("name", "uri", name=op.f("uq_asset_name_uri")),
    )
    op.create_table(
        "asset_mark",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_mark")),
    )
    op.create_table(
        "asset_reference",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=1500), nullable=False),
        sa.Column("uri", sa.String(length=1500), nullable=False),
        sa.CheckConstraint("role IN ('schedule', 'outlet', 'inlet')", name=op.f("ck_asset_reference_role")),
        sa.PrimaryKeyConstraint(
            "dag_id", "task_id", "role", "kind", "name", "uri", name=op.f("pk_asset_reference")
        ),
    )
    op.create_index("ix_asset_reference_mention", "asset_reference", ["kind", "name", "uri", "role"], unique=False)
    op.create_table(
        "backfill",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("from_date", UtcTime(), nullable=False),
        sa.Column("to_date", UtcTime(), nullable=False),
        sa.Column("reprocess_behavior", sa.String(length=20), nullable=False),
        sa.Column("only_failed", sa.Boolean(), nullable=False),
        sa.Column("run_backwards", sa.Boolean(), nullable=False),
        sa.Column("max_active_runs", sa.Integer(), nullable=True),
        sa.Column("conf", sa.LargeBinary(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("is_cancelled", sa.Boolean(), nullable=False),
        sa.Column("turn", sa.Float(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("triggered_by", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("completed_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfill")),
    )
    op.create_index(
        "ix_backfill_active", "backfill", ["dag_id"], unique=True, sqlite_where=sa.text("completed_at IS NULL")
    )
    op.create_table(
        "cancel_obligation",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("run_uid", sa.String(length=36), nullable=False),
        sa.Column("wait_uid", sa.String(length=36), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("classpath", sa.Text(), nullable=False),
        sa.Column("kwargs", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("give_up_at", UtcTime(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("on_failure", sa.String(length=10), nullable=False),
        sa.Column("session", sa.String(length=36), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("on_failure IN ('hold', 'start')", name=op.f("ck_cancel_obligation_on_failure")),
        sa.CheckConstraint("state IN ('pending', 'done', 'failed')", name=op.f("ck_cancel_obligation_state")),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_cancel_obligation")),
    )
    op.create_index(
        "ix_cancel_obligation_holding",
        "cancel_obligation",
        ["instance_uid"],
        unique=False,
        sqlite_where=sa.text("holds"),
    )
    op.create_index(
        "ix_cancel_obligation_pending",
        "cancel_obligation",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_cancel_obligation_run", "cancel_obligation", ["run_uid"], unique=False)
    op.create_table(
        "checkpoint",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("covers", UtcTime(), nullable=False),
        sa.Column("saved_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_checkpoint")),
    )
    op.create_index("ix_checkpoint_saved_at", "checkpoint", ["saved_at"], unique=False)
    op.create_table(
        "connection",
        sa.Column("conn_id", sa.String(length=250), nullable=False),
        sa.Column("conn_type", sa.String(length=250), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("conn_id", name=op.f("pk_connection")),
    )
    op.create_table(
        "dag_file",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("parsed_at", UtcTime(), nullable=False),
        sa.Column("duration", sa.Float(), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_dag_file")),
    )
    op.create_table(
        "dag_version",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("dag_hash", sa.String(length=32), nullable=False),
        sa.Column("spec", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_dag_version")),
        sa.UniqueConstraint("dag_id", "dag_hash", name=op.f("uq_dag_version_dag_id_dag_hash")),
        sa.UniqueConstraint("dag_id", "version_number", name=op.f("uq_dag_version_dag_id_version_number")),
    )
    op.create_table(
        "import_error",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("stack_trace", sa.Text(), server_default="", nullable=False),
        sa.Column("timestamp", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_error")),
    )
    op.create_index("ix_import_error_filename", "import_error", ["filename"], unique=False)
    op.create_table(
        "log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dttm", UtcTime(), nullable=False),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=True),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.Column("task_id", sa.String(length=250), nullable=True),
        sa.Column("extra", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log")),
    )
    op.create_table(
        "mark",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_uid", sa.String(length=36), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mark")),
    )
    op.create_table(
        "session",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("heartbeat_at", UtcTime(), nullable=False),
        sa.Column("lost_after", sa.Float(), nullable=True),
        sa.Column("queues", sa.JSON(), nullable=True),
        sa.Column("key", sa.String(length=16), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_session")),
    )
    op.create_index("ix_session_live", "session", ["kind"], unique=False, sqlite_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "slot_pool",
        sa.Column("pool", sa.String(length=250), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("include_deferred", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("pool", name=op.f("pk_slot_pool")),
    )
    op.create_table(
        "taken_message",
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("message", sa.String(length=64), nullable=False),
        sa.Column("taken_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "message", name=op.f("pk_taken_message")),
    )
    op.create_index("ix_taken_message_taken_at", "taken_message", ["taken_at"], unique=False)
    op.create_table(
        "variable",
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_variable")),
    )
    op.create_table(
        "writer",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_writer")),
    )
    op.create_table(
        "xcom",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("execution_date", UtcTime(), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=True),
        sa.Column("timestamp", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "task_id", "map_index", "key", name=op.f("pk_xcom")),
    )
    op.create_table(
        "xcom_purge",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=True),
        sa.Column("map_index", sa.Integer(), nullable=True),
        sa.Column("key", sa.String(length=512), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_xcom_purge")),
    )
    op.create_index("ix_xcom_purge_due", "xcom_purge", ["due_at"], unique=False)
    op.create_table(
        "asset_alias_link",
        sa.Column("asset_uid", sa.String(length=36), nullable=False),
        sa.Column("alias", sa.String(length=1500), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_uid"], ["asset.uid"], name=op.f("fk_asset_alias_link_asset_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("asset_uid", "alias", name=op.f("pk_asset_alias_link")),
    )
    op.create_index("ix_asset_alias_link_alias", "asset_alias_link", ["alias"], unique=False)
    op.create_table(
        "asset_event",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("asset_uid", sa.String(length=36), nullable=False),
        sa.Column("timestamp", UtcTime(), nullable=False),
        sa.Column("extra", sa.LargeBinary(), nullable=False),
        sa.Column("source_dag_id", sa.String(length=250), nullable=True),
        sa.Column("source_task_id", sa.String(length=250), nullable=True),
        sa.Column("source_run_id", sa.String(length=250), nullable=True),
        sa.Column("source_map_index", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("aliases", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_uid"], ["asset.uid"], name=op.f("fk_asset_event_asset_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_asset_event")),
    )
    op.create_index("ix_asset_event_asset", "asset_event", ["asset_uid", "uid"], unique=False)
    op.create_index("ix_asset_event_source", "asset_event", ["source_dag_id", "source_run_id"], unique=False)
    op.create_index("ix_asset_event_timestamp", "asset_event", ["timestamp"], unique=False)
    op.create_table(
        "asset_state",
        sa.Column("asset_uid", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_uid"], ["asset.uid"], name=op.f("fk_asset_state_asset_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("asset_uid", "key", name=op.f("pk_asset_state")),
    )
    op.create_table(
        "asset_watcher",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("asset_uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=1500), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("classpath", sa.Text(), nullable=False),
        sa.Column("kwargs", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("queue", sa.String(length=250), nullable=False),
        sa.Column("group_key", sa.String(length=64), nullable=True),
        sa.Column("interval", sa.Float(), nullable=True),
        sa.Column("dag_file", sa.Text(), nullable=False),
        sa.Column("dag_folder", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("session", sa.String(length=36), nullable=True),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("leased_at", UtcTime(), nullable=True),
        sa.Column("retry_at", UtcTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("last_event_at", UtcTime(), nullable=True),
        sa.Column("last_key", sa.String(length=64), server_default="", nullable=False),
        sa.Column("lag", sa.Float(), nullable=True),
        sa.CheckConstraint("kind IN ('poll', 'stream')", name=op.f("ck_asset_watcher_kind")),
        sa.ForeignKeyConstraint(
            ["asset_uid"], ["asset.uid"], name=op.f("fk_asset_watcher_asset_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_asset_watcher")),
        sa.UniqueConstraint("asset_uid", "name", "hash", name=op.f("uq_asset_watcher_asset_uid_name_hash")),
    )
    op.create_index(
        "ix_asset_watcher_group",
        "asset_watcher",
        ["group_key", "session"],
        unique=False,
        sqlite_where=sa.text("group_key IS NOT NULL"),
    )
    op.create_index(
        "ix_asset_watcher_session",
        "asset_watcher",
        ["session"],
        unique=False,
        sqlite_where=sa.text("session IS NOT NULL"),
    )
    op.create_table(
        "backfill_dag_run",
        sa.Column("backfill_id", sa.Integer(), nullable=False),
        sa.Column("sort_ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("logical_date", UtcTime(), nullable=False),
        sa.Column("data_interval_start", UtcTime(), nullable=False),
        sa.Column("data_interval_end", UtcTime(), nullable=False),
        sa.Column("run_uid", sa.String(length=36), nullable=True),
        sa.Column("exception_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["backfill_id"], ["backfill.id"], name=op.f("fk_backfill_dag_run_backfill_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("backfill_id", "sort_ordinal", name=op.f("pk_backfill_dag_run")),
    )
    op.create_table(
        "dag",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("fileloc", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("version_uid", sa.String(length=36), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("owners", sa.Text(), server_default="", nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("timetable_summary", sa.Text(), server_default="", nullable=False),
        sa.Column("max_active_runs", sa.Integer(), nullable=False),
        sa.Column("max_active_tasks", sa.Integer(), nullable=False),
        sa.Column("next_run_at", UtcTime(), nullable=True),
        sa.Column("next_run_id", sa.String(length=250), nullable=True),
        sa.Column("next_interval_start", UtcTime(), nullable=True),
        sa.Column("next_interval_end", UtcTime(), nullable=True),
        sa.Column("last_parsed_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["version_uid"], ["dag_version.uid"], name=op.f("fk_dag_version_uid")),
        sa.PrimaryKeyConstraint("dag_id", name=op.f("pk_dag")),
    )
    op.create_index(
        "ix_dag_due", "dag", ["next_run_at"], unique=False, sqlite_where=sa.text("next_run_at IS NOT NULL")
    )
    op.create_index("ix_dag_fileloc", "dag", ["fileloc"], unique=False)
    op.create_table(
        "dag_run",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("run_type", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("logical_date", UtcTime(), nullable=True),
        sa.Column("execution_date", UtcTime(), nullable=True),
        sa.Column("shares_date", sa.Boolean(), nullable=False),
        sa.Column("data_interval_start", UtcTime(), nullable=True),
        sa.Column("data_interval_end", UtcTime(), nullable=True),
        sa.Column("run_after", UtcTime(), nullable=False),
        sa.Column("conf", sa.LargeBinary(), nullable=False),
        sa.Column("version_uid", sa.String(length=36), nullable=False),
        sa.Column("unfinished", sa.Integer(), nullable=False),
        sa.Column("watched", sa.Boolean(), nullable=False),
        sa.Column("queued_at", UtcTime(), nullable=False),
        sa.Column("start_date", UtcTime(), nullable=True),
        sa.Column("end_date", UtcTime(), nullable=True),
        sa.Column("deadline", UtcTime(), nullable=True),
        sa.Column("triggered_by", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("backfill_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("state IN ('queued', 'running', 'success', 'failed')", name=op.f("ck_dag_run_state")),
        sa.ForeignKeyConstraint(["version_uid"], ["dag_version.uid"], name=op.f("fk_dag_run_version_uid")),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_dag_run")),
        sa.UniqueConstraint("dag_id", "run_id", name=op.f("uq_dag_run_dag_id_run_id")),
    )
    op.create_index(
        "ix_dag_run_deadline", "dag_run", ["deadline"], unique=False, sqlite_where=sa.text("deadline IS NOT NULL")
    )
    op.create_index("ix_dag_run_logical_date", "dag_run", ["dag_id", "logical_date"], unique=False)
    op.create_index("ix_dag_run_recent", "dag_run", ["dag_id", "run_after"], unique=False)
    op.create_index(
        "ix_dag_run_unfinished",
        "dag_run",
        ["state", "dag_id"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_index("ix_dag_run_version", "dag_run", ["version_uid"], unique=False)
    op.create_table(
        "asset_delivery",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("event_uid", sa.String(length=36), nullable=False),
        sa.Column("asset_uid", sa.String(length=36), nullable=False),
        sa.Column("run_uid", sa.String(length=36), nullable=True),
        sa.Column("passed_over", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_uid"], ["asset_event.uid"], name=op.f("fk_asset_delivery_event_uid"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["run_uid"], ["dag_run.uid"], name=op.f("fk_asset_delivery_run_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dag_id", "event_uid", name=op.f("pk_asset_delivery")),
    )
    op.create_index("ix_asset_delivery_event", "asset_delivery", ["event_uid"], unique=False)
    op.create_index(
        "ix_asset_delivery_pending",
        "asset_delivery",
        ["dag_id", "asset_uid", "event_uid"],
        unique=False,
        sqlite_where=sa.text("run_uid IS NULL AND NOT passed_over"),
    )
    op.create_index(
        "ix_asset_delivery_run",
        "asset_delivery",
        ["run_uid"],
        unique=False,
        sqlite_where=sa.text("run_uid IS NOT NULL"),
    )
    op.create_table(
        "asset_watcher_dag",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("watcher_uid", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["watcher_uid"],
            ["asset_watcher.uid"],
            name=op.f("fk_asset_watcher_dag_watcher_uid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dag_id", "watcher_uid", name=op.f("pk_asset_watcher_dag")),
    )
    op.create_index("ix_asset_watcher_dag_watcher", "asset_watcher_dag", ["watcher_uid"], unique=False)
    op.create_table(
        "deadline",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_uid", sa.String(length=36), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("missed_at", UtcTime(), nullable=True),
        sa.Column("request_uid", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["run_uid"], ["dag_run.uid"], name=op.f("fk_deadline_run_uid"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_deadline")),
    )
    op.create_index(
        "ix_deadline_due", "deadline", ["due_at"], unique=False, sqlite_where=sa.text("missed_at IS NULL")
    )
    op.create_index(
        "ix_deadline_missed",
        "deadline",
        ["dag_id", "missed_at"],
        unique=False,
        sqlite_where=sa.text("missed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_deadline_request",
        "deadline",
        ["request_uid"],
        unique=False,
        sqlite_where=sa.text("request_uid IS NOT NULL"),
    )
    op.create_index("ix_deadline_run_uid", "deadline", ["run_uid"], unique=False)
    op.create_table(
        "expansion",
        sa.Column("run_uid", sa.String(length=36), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("lengths", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("removed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("skipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("success", sa.Integer(), server_default="0", nullable=False),
        sa.Column("upstream_failed", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["run_uid"], ["dag_run.uid"], name=op.f("fk_expansion_run_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_uid", "task_id", name=op.f("pk_expansion")),
    )
    op.create_table(
        "task_instance",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("run_uid", sa.String(length=36), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.Column("execution_date", UtcTime(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("max_tries", sa.Integer(), nullable=False),
        sa.Column("rescues", sa.Integer(), nullable=False),
        sa.Column("operator", sa.Text(), server_default="", nullable=False),
        sa.Column("priority_weight", sa.Integer(), nullable=False),
        sa.Column("queue", sa.String(length=250), nullable=False),
        sa.Column("pool", sa.String(length=250), nullable=False),
        sa.Column("pool_slots", sa.Integer(), nullable=False),
        sa.Column("max_active_tis_per_dag", sa.Integer(), nullable=True),
        sa.Column("max_active_tis_per_dagrun", sa.Integer(), nullable=True),
        sa.Column("is_resume", sa.Boolean(), nullable=False),
        sa.Column("session", sa.String(length=36), nullable=True),
        sa.Column("scheduled_at", UtcTime(), nullable=True),
        sa.Column("queued_at", UtcTime(), nullable=True),
        sa.Column("start_date", UtcTime(), nullable=True),
        sa.Column("end_date", UtcTime(), nullable=True),
        sa.Column("duration", sa.Float(), nullable=True),
        sa.Column("deadline", UtcTime(), nullable=True),
        sa.Column("seconds_left", sa.Float(), nullable=True),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("rendered_map_index", sa.String(length=250), nullable=True),
        sa.CheckConstraint(
            "state IN ('none', 'scheduled', 'queued', 'running', 'deferred', 'up_for_retry', 'up_for_reschedule', 'success', 'failed', 'skipped', 'upstream_failed', 'removed')",
            name=op.f("ck_task_instance_state"),
        ),
        sa.ForeignKeyConstraint(
            ["run_uid"], ["dag_run.uid"], name=op.f("fk_task_instance_run_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_task_instance")),
        sa.UniqueConstraint(
            "run_uid", "task_id", "map_index", name=op.f("uq_task_instance_run_uid_task_id_map_index")
        ),
    )
    op.create_index(
        "ix_task_instance_deadline",
        "task_instance",
        ["deadline"],
        unique=False,
        sqlite_where=sa.text("deadline IS NOT NULL"),
    )
    op.create_index(
        "ix_task_instance_deferred",
        "task_instance",
        ["pool"],
        unique=False,
        sqlite_where=sa.text("state = 'deferred'"),
    )
    op.create_index(
        "ix_task_instance_due",
        "task_instance",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_task_instance_occupying",
        "task_instance",
        ["dag_id"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "timetable_question",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_uid", sa.String(length=36), nullable=True),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("stack_trace", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["run_uid"], ["dag_run.uid"], name=op.f("fk_timetable_question_run_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_timetable_question")),
    )
    op.create_index("ix_timetable_question_dag_id", "timetable_question", ["dag_id"], unique=False)
    op.create_index("ix_timetable_question_due_at", "timetable_question", ["due_at"], unique=False)
    op.create_index(
        "ix_timetable_question_run_uid",
        "timetable_question",
        ["run_uid"],
        unique=False,
        sqlite_where=sa.text("run_uid IS NOT NULL"),
    )
    op.create_table(
        "callback_failure",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_uid"],
            ["task_instance.uid"],
            name=op.f("fk_callback_failure_instance_uid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback_failure")),
    )
    op.create_index("ix_callback_failure_instance", "callback_failure", ["instance_uid"], unique=False)
    op.create_table(
        "callback_request",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("run_uid", sa.String(length=36), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=20), nullable=False),
        sa.Column("previous_state", sa.String(length=20), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("session", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(
            ["instance_uid"],
            ["task_instance.uid"],
            name=op.f("fk_callback_request_instance_uid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_callback_request")),
    )
    op.create_index(
        "ix_callback_request_due",
        "callback_request",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("session IS NULL"),
    )
    op.create_index("ix_callback_request_instance", "callback_request", ["instance_uid"], unique=False)
    op.create_index("ix_callback_request_run", "callback_request", ["run_uid"], unique=False)
    op.create_index(
        "ix_callback_request_session",
        "callback_request",
        ["session"],
        unique=False,
        sqlite_where=sa.text("session IS NOT NULL"),
    )
    op.create_table(
        "question",
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("wait_uid", sa.String(length=36), nullable=False),
        sa.Column("spec", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", UtcTime(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("answered_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["instance_uid"], ["task_instance.uid"], name=op.f("fk_question_instance_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_uid", name=op.f("pk_question")),
    )
    op.create_index("ix_question_asked_at", "question", ["asked_at"], unique=False)
    op.create_table(
        "resume",
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("kwargs", sa.LargeBinary(), nullable=False),
        sa.Column("event", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_uid"], ["task_instance.uid"], name=op.f("fk_resume_instance_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_uid", name=op.f("pk_resume")),
    )
    op.create_table(
        "signal",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", UtcTime(), nullable=True),
        sa.Column("consumed_at", UtcTime(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_uid"], ["task_instance.uid"], name=op.f("fk_signal_instance_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_signal")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_signal_token_hash")),
    )
    op.create_index("ix_signal_expires", "signal", ["expires_at"], unique=False)
    op.create_index("ix_signal_instance", "signal", ["instance_uid"], unique=False)
    op.create_table(
        "task_error",
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_uid"], ["task_instance.uid"], name=op.f("fk_task_error_instance_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_uid", "epoch", "state", name=op.f("pk_task_error")),
    )
    op.create_table(
        "task_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_uid"], ["task_instance.uid"], name=op.f("fk_task_event_instance_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_event")),
    )
    op.create_index("ix_task_event_instance", "task_event", ["instance_uid"], unique=False)
    op.create_table(
        "task_instance_note",
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_uid"],
            ["task_instance.uid"],
            name=op.f("fk_task_instance_note_instance_uid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("instance_uid", name=op.f("pk_task_instance_note")),
    )
    op.create_table(
        "task_state",
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_uid"], ["task_instance.uid"], name=op.f("fk_task_state_instance_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_uid", "kind", "key", name=op.f("pk_task_state")),
    )
    op.create_table(
        "wait",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("run_uid", sa.String(length=36), nullable=False),
        sa.Column("parent_uid", sa.String(length=36), nullable=True),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("needed", sa.Integer(), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("classpath", sa.Text(), nullable=False),
        sa.Column("kwargs", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("has_on_kill", sa.Boolean(), nullable=False),
        sa.Column("signal_name", sa.String(length=250), nullable=True),
        sa.Column("queue", sa.String(length=250), server_default="default", nullable=False),
        sa.Column("group_key", sa.String(length=64), nullable=True),
        sa.Column("interval", sa.Float(), nullable=True),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("outcome", sa.LargeBinary(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("resume_kwargs", sa.LargeBinary(), nullable=False),
        sa.Column("deadline", UtcTime(), nullable=True),
        sa.Column("armed_at", UtcTime(), nullable=False),
        sa.Column("session", sa.String(length=36), nullable=True),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('start', 'timer', 'signal', 'poll', 'stream', 'all', 'any', 'n_of')",
            name=op.f("ck_wait_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["instance_uid"], ["task_instance.uid"], name=op.f("fk_wait_instance_uid"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["parent_uid"], ["wait.uid"], name=op.f("fk_wait_parent_uid"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_wait")),
    )
    op.create_index(
        "ix_wait_deadline", "wait", ["deadline"], unique=False, sqlite_where=sa.text("deadline IS NOT NULL")
    )
    op.create_index("ix_wait_due", "wait", ["due_at"], unique=False, sqlite_where=sa.text("due_at IS NOT NULL"))
    op.create_index(
        "ix_wait_group",
        "wait",
        ["group_key", "session"],
        unique=False,
        sqlite_where=sa.text("group_key IS NOT NULL"),
    )
    op.create_index("ix_wait_instance", "wait", ["instance_uid"], unique=False)
    op.create_index(
        "ix_wait_parent", "wait", ["parent_uid"], unique=False, sqlite_where=sa.text("parent_uid IS NOT NULL")
    )
    op.create_index(
        "ix_wait_session", "wait", ["session"], unique=False, sqlite_where=sa.text("session IS NOT NULL")
    )
    op.create_index(
        "ix_wait_start",
        "wait",
        ["armed_at"],
        unique=False,
        sqlite_where=sa.text("session IS NULL AND kind = 'start'"),
    )
    op.create_index(
        "ix_wait_unclaimed",
        "wait",
        ["armed_at"],
        unique=False,
        sqlite_where=sa.text("session IS NULL AND kind IN ('poll', 'stream') AND ended_at IS NULL"),
    )
    op.create_table(
        "watch",
        sa.Column("wait_uid", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.Column("logical_date", UtcTime(), nullable=True),
        sa.Column("spec", sa.LargeBinary(), nullable=False),
        sa.Column("touches", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["wait_uid"], ["wait.uid"], name=op.f("fk_watch_wait_uid"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("wait_uid", "position", name=op.f("pk_watch")),
    )
    op.create_index("ix_watch_dag", "watch", ["dag_id", "run_id"], unique=False)
    op.create_index("ix_watch_touched", "watch", ["wait_uid"], unique=False, sqlite_where=sa.text("touches > 0"))
    op.create_index(
        "ix_task_instance_scheduled",
        "task_instance",
        ["is_resume", sa.text("priority_weight DESC"), "scheduled_at", "uid"],
        sqlite_where=sa.text("state = 'scheduled'"),
    )
