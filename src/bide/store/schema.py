"""The tables. Names of tables and columns follow Airflow's where they mean the same.

``uid`` columns are UUIDv7 row ids (36 characters). ``*_at`` and ``*_date`` columns are moments in UTC. Values of
users (``kwargs``, ``event``, ``value``, ...) are opaque bytes that only runners read.

    dag ── dag_version            what is known of each DAG; a version is one serialised form
    dag_file, import_error        what was read, and what could not be
    dag_run ── task_instance      one run, its instances
                 ├── task_event   append-only: every state entered
                 ├── mark         appended when an instance finishes, deleted by the duty that reads it
                 ├── wait         a deferred instance's wait
                 ├── resume       where an instance that was deferred goes on, and with which event
                 └── xcom
    cancel_obligation             external work that has to be cancelled
    session                       engines, past and present
    log                           who did what
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from bide.model.states import RunState, TaskState


class UtcTime(sa.TypeDecorator[datetime]):
    """A moment in UTC: ``timestamptz`` on PostgreSQL, sortable ISO 8601 text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(32))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return to_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return value
        return datetime.fromisoformat(value)


def to_text(moment: datetime) -> str:
    """`moment` as SQLite stores it: fixed width, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_UID = sa.String(36)
_ID = sa.String(250)
_TASK_STATES = ", ".join(f"'{state}'" for state in TaskState)
_RUN_STATES = ", ".join(f"'{state}'" for state in RunState)


def _rows_where(condition: str) -> dict[str, Any]:
    """Options of a partial index. Naming another dialect here would import its driver's package at every start."""
    return {"sqlite_where": sa.text(condition)}


dag_version = sa.Table(
    "dag_version",
    metadata,
    sa.Column("uid", _UID, primary_key=True),
    sa.Column("dag_id", _ID, nullable=False),
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
    sa.Column("dag_id", _ID, primary_key=True),
    sa.Column("fileloc", sa.Text, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("version_uid", _UID, sa.ForeignKey("dag_version.uid"), nullable=False),
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
    sa.Column("next_interval_start", UtcTime),
    sa.Column("next_interval_end", UtcTime),
    sa.Column("last_parsed_at", UtcTime, nullable=False),
    sa.Index(
        "ix_dag_due",
        "next_run_at",
        **_rows_where("next_run_at IS NOT NULL"),
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
    sa.Column("dag_id", _ID),
    sa.Column("line", sa.Integer),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("stack_trace", sa.Text, nullable=False, server_default=""),
    sa.Column("timestamp", UtcTime, nullable=False),
    sa.Index("ix_import_error_filename", "filename"),
)

dag_run = sa.Table(
    "dag_run",
    metadata,
    sa.Column("uid", _UID, primary_key=True),
    sa.Column("dag_id", _ID, nullable=False),
    sa.Column("run_id", _ID, nullable=False),
    sa.Column("run_type", sa.String(20), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("logical_date", UtcTime),
    #: Airflow 2's name of `logical_date`.
    sa.Column("execution_date", UtcTime),
    #: Whether an earlier run of the DAG has the same logical date, so that the date does not tell them apart.
    sa.Column("shares_date", sa.Boolean, nullable=False),
    sa.Column("data_interval_start", UtcTime),
    sa.Column("data_interval_end", UtcTime),
    sa.Column("run_after", UtcTime, nullable=False),
    #: JSON object.
    sa.Column("conf", sa.LargeBinary, nullable=False),
    sa.Column("version_uid", _UID, sa.ForeignKey("dag_version.uid"), nullable=False),
    #: Instances that are not finished yet; kept in the transaction that finishes one.
    sa.Column("unfinished", sa.Integer, nullable=False),
    sa.Column("queued_at", UtcTime, nullable=False),
    sa.Column("start_date", UtcTime),
    sa.Column("end_date", UtcTime),
    sa.Column("triggered_by", sa.Text, nullable=False, server_default=""),
    #: Why it ended, where that is not plain from its tasks.
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    #: What the person who asked for it wrote about it.
    sa.Column("note", sa.Text),
    sa.UniqueConstraint("dag_id", "run_id"),
    sa.CheckConstraint(f"state IN ({_RUN_STATES})", name="state"),
    sa.Index(
        "ix_dag_run_unfinished",
        "state",
        "dag_id",
        **_rows_where("state IN ('queued', 'running')"),
    ),
    sa.Index("ix_dag_run_recent", "dag_id", "run_after"),
    sa.Index("ix_dag_run_logical_date", "dag_id", "logical_date"),
)


task_instance = sa.Table(
    "task_instance",
    metadata,
    sa.Column("uid", _UID, primary_key=True),
    sa.Column("run_uid", _UID, sa.ForeignKey("dag_run.uid", ondelete="CASCADE"), nullable=False),
    sa.Column("dag_id", _ID, nullable=False),
    sa.Column("run_id", _ID, nullable=False),
    sa.Column("task_id", _ID, nullable=False),
    sa.Column("map_index", sa.Integer, nullable=False),
    sa.Column("execution_date", UtcTime),
    sa.Column("state", sa.String(20), nullable=False),
    #: Fences: goes up at every hand-over and forced change, never down.
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("try_number", sa.Integer, nullable=False),
    sa.Column("max_tries", sa.Integer, nullable=False),
    #: How often its engine was lost while it ran, in this try.
    sa.Column("rescues", sa.Integer, nullable=False),
    sa.Column("operator", sa.Text, nullable=False, server_default=""),
    sa.Column("priority_weight", sa.Integer, nullable=False),
    sa.Column("queue", _ID, nullable=False),
    sa.Column("pool", _ID, nullable=False),
    sa.Column("pool_slots", sa.Integer, nullable=False),
    #: Whether its next segment goes on after a wait.
    sa.Column("is_resume", sa.Boolean, nullable=False),
    #: The engine that queued or runs it.
    sa.Column("session", _UID),
    sa.Column("scheduled_at", UtcTime),
    sa.Column("queued_at", UtcTime),
    #: First start of the current try.
    sa.Column("start_date", UtcTime),
    sa.Column("end_date", UtcTime),
    #: Seconds from `start_date` to `end_date`.
    sa.Column("duration", sa.Float),
    #: Forced end of the current try.
    sa.Column("deadline", UtcTime),
    #: up_for_retry, up_for_reschedule: when it is scheduled again.
    sa.Column("due_at", UtcTime),
    #: One line: why the last try failed.
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("run_uid", "task_id", "map_index"),
    sa.CheckConstraint(f"state IN ({_TASK_STATES})", name="state"),
    # Each loop of the engine reads one of these partial indexes, whose size follows the work at hand.
    sa.Index(
        "ix_task_instance_scheduled",
        "is_resume",
        sa.text("priority_weight DESC"),
        "scheduled_at",
        **_rows_where("state = 'scheduled'"),
    ),
    sa.Index("ix_task_instance_occupying", "dag_id", **_rows_where("state IN ('queued', 'running')")),
    sa.Index("ix_task_instance_due", "due_at", **_rows_where("due_at IS NOT NULL")),
    sa.Index("ix_task_instance_deadline", "deadline", **_rows_where("deadline IS NOT NULL")),
)

task_event = sa.Table(
    "task_event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("instance_uid", _UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Index("ix_task_event_instance", "instance_uid"),
)

mark = sa.Table(
    "mark",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_uid", _UID, nullable=False),
    sa.Column("task_id", _ID, nullable=False),
)

wait = sa.Table(
    "wait",
    metadata,
    sa.Column("uid", _UID, primary_key=True),
    sa.Column("instance_uid", _UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), nullable=False),
    sa.Column("run_uid", _UID, nullable=False),
    #: The node above it in a tree of waits; null for the root.
    sa.Column("parent_uid", _UID, sa.ForeignKey("wait.uid", ondelete="CASCADE")),
    #: Of the instance, when it was armed.
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("classpath", sa.Text, nullable=False),
    sa.Column("kwargs", sa.LargeBinary, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("has_on_kill", sa.Boolean, nullable=False),
    #: Seconds between looks of a poll.
    sa.Column("interval", sa.Float),
    #: timer: when it fires, and with what.
    sa.Column("due_at", UtcTime),
    sa.Column("outcome", sa.LargeBinary),
    #: Where the task goes on; null where only an ending event is legal.
    sa.Column("method", sa.Text),
    sa.Column("resume_kwargs", sa.LargeBinary, nullable=False),
    #: Fails the task when it comes first.
    sa.Column("deadline", UtcTime),
    sa.Column("armed_at", UtcTime, nullable=False),
    #: The lease: which engine runs it, and the token that its events have to show.
    sa.Column("session", _UID),
    sa.Column("token", sa.Integer, nullable=False),
    sa.CheckConstraint("kind IN ('timer', 'signal', 'poll', 'stream', 'all', 'any', 'n_of')", name="kind"),
    sa.Index("ix_wait_instance", "instance_uid"),
    # Deleting a wait looks for its children: without this, in every wait there is.
    sa.Index("ix_wait_parent", "parent_uid", **_rows_where("parent_uid IS NOT NULL")),
    sa.Index("ix_wait_due", "due_at", **_rows_where("due_at IS NOT NULL")),
    sa.Index("ix_wait_deadline", "deadline", **_rows_where("deadline IS NOT NULL")),
    sa.Index("ix_wait_unclaimed", "armed_at", **_rows_where("session IS NULL AND kind IN ('poll', 'stream')")),
    sa.Index("ix_wait_session", "session", **_rows_where("session IS NOT NULL")),
)

resume = sa.Table(
    "resume",
    metadata,
    sa.Column("instance_uid", _UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), primary_key=True),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("kwargs", sa.LargeBinary, nullable=False),
    sa.Column("event", sa.LargeBinary, nullable=False),
)

xcom = sa.Table(
    "xcom",
    metadata,
    sa.Column("dag_id", _ID, primary_key=True),
    sa.Column("run_id", _ID, primary_key=True),
    sa.Column("task_id", _ID, primary_key=True),
    sa.Column("map_index", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(512), primary_key=True),
    sa.Column("execution_date", UtcTime),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("timestamp", UtcTime, nullable=False),
)

cancel_obligation = sa.Table(
    "cancel_obligation",
    metadata,
    sa.Column("uid", _UID, primary_key=True),
    sa.Column("instance_uid", _UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), nullable=False),
    sa.Column("run_uid", _UID, nullable=False),
    #: The wait whose external work is to be cancelled, and its trigger.
    sa.Column("wait_uid", _UID, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("classpath", sa.Text, nullable=False),
    sa.Column("kwargs", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", UtcTime),
    sa.Column("give_up_at", UtcTime, nullable=False),
    sa.Column("session", _UID),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.CheckConstraint("state IN ('pending', 'done', 'failed')", name="state"),
    sa.Index("ix_cancel_obligation_pending", "due_at", **_rows_where("state = 'pending'")),
)

session = sa.Table(
    "session",
    metadata,
    sa.Column("uid", _UID, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("hostname", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),
)

log = sa.Table(
    "log",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("dttm", UtcTime, nullable=False),
    sa.Column("event", sa.String(60), nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("dag_id", _ID),
    sa.Column("run_id", _ID),
    sa.Column("task_id", _ID),
    sa.Column("extra", sa.Text, nullable=False, server_default=""),
)
