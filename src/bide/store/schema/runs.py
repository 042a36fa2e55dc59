"""Runs, their instances, and what became of them."""

from __future__ import annotations

import sqlalchemy as sa

from bide.model.states import FINISHED
from bide.store.schema.columns import ID, ROW_NUMBER, RUN_STATES, TASK_STATES, UID, UtcTime, metadata, rows_where
from bide.store.sealing import Sealed

dag_run = sa.Table(
    "dag_run",
    metadata,
    sa.Column("uid", UID, primary_key=True),
    sa.Column("dag_id", ID, nullable=False),
    sa.Column("run_id", ID, nullable=False),
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
    sa.Column("version_uid", UID, sa.ForeignKey("dag_version.uid"), nullable=False),
    #: Instances that are not finished yet; kept in the transaction that finishes one.
    sa.Column("unfinished", sa.Integer, nullable=False),
    #: Whether tasks of other runs wait for it, or for tasks of it.
    sa.Column("watched", sa.Boolean, nullable=False),
    sa.Column("queued_at", UtcTime, nullable=False),
    sa.Column("start_date", UtcTime),
    sa.Column("end_date", UtcTime),
    #: Forced end, while it runs.
    sa.Column("deadline", UtcTime),
    sa.Column("triggered_by", sa.Text, nullable=False, server_default=""),
    #: Why it ended, where that is not plain from its tasks.
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    #: What the person who asked for it wrote about it.
    sa.Column("note", sa.Text),
    #: The backfill that made it, or had it run again.
    sa.Column("backfill_id", sa.Integer),
    sa.UniqueConstraint("dag_id", "run_id"),
    sa.CheckConstraint(f"state IN ({RUN_STATES})", name="state"),
    sa.Index(
        "ix_dag_run_unfinished",
        "state",
        "dag_id",
        **rows_where("state IN ('queued', 'running')"),
    ),
    sa.Index("ix_dag_run_deadline", "deadline", **rows_where("deadline IS NOT NULL")),
    sa.Index("ix_dag_run_recent", "dag_id", "run_after"),
    sa.Index("ix_dag_run_logical_date", "dag_id", "logical_date"),
    # Deleting a version looks for its runs.
    sa.Index("ix_dag_run_version", "version_uid"),
)

task_instance = sa.Table(
    "task_instance",
    metadata,
    sa.Column("uid", UID, primary_key=True),
    sa.Column("run_uid", UID, sa.ForeignKey("dag_run.uid", ondelete="CASCADE"), nullable=False),
    sa.Column("dag_id", ID, nullable=False),
    sa.Column("run_id", ID, nullable=False),
    sa.Column("task_id", ID, nullable=False),
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
    sa.Column("queue", ID, nullable=False),
    sa.Column("pool", ID, nullable=False),
    sa.Column("pool_slots", sa.Integer, nullable=False),
    #: How many instances of its task may be queued or running: of all runs, and of its run; null for no limit.
    sa.Column("max_active_tis_per_dag", sa.Integer),
    sa.Column("max_active_tis_per_dagrun", sa.Integer),
    #: Whether its next segment goes on after a wait.
    sa.Column("is_resume", sa.Boolean, nullable=False),
    #: The engine that queued or runs it.
    sa.Column("session", UID),
    sa.Column("scheduled_at", UtcTime),
    sa.Column("queued_at", UtcTime),
    #: First start of the current try.
    sa.Column("start_date", UtcTime),
    sa.Column("end_date", UtcTime),
    #: Seconds from `start_date` to `end_date`.
    sa.Column("duration", sa.Float),
    #: Forced end of the current try.
    sa.Column("deadline", UtcTime),
    #: Where the limit of a try counts work only: seconds that were left when its last wait began.
    sa.Column("seconds_left", sa.Float),
    #: up_for_retry, up_for_reschedule: when it is scheduled again.
    sa.Column("due_at", UtcTime),
    #: One line: why the last try failed.
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    #: What people call it among the instances of its task: what its ``map_index_template`` came to.
    sa.Column("rendered_map_index", sa.String(250)),
    sa.UniqueConstraint("run_uid", "task_id", "map_index"),
    sa.CheckConstraint(f"state IN ({TASK_STATES})", name="state"),
    # Each loop of the engine reads one of these partial indexes, whose size follows the work at hand.
    sa.Index(
        "ix_task_instance_scheduled",
        "is_resume",
        sa.text("priority_weight DESC"),
        "scheduled_at",
        # Those that were scheduled together have an order too, and nobody need sort them.
        "uid",
        **rows_where("state = 'scheduled'"),
    ),
    sa.Index("ix_task_instance_occupying", "dag_id", **rows_where("state IN ('queued', 'running')")),
    # Of pools whose slots deferred tasks take as well.
    sa.Index("ix_task_instance_deferred", "pool", **rows_where("state = 'deferred'")),
    sa.Index("ix_task_instance_due", "due_at", **rows_where("due_at IS NOT NULL")),
    sa.Index("ix_task_instance_deadline", "deadline", **rows_where("deadline IS NOT NULL")),
)

task_instance_note = sa.Table(
    "task_instance_note",
    metadata,
    sa.Column("instance_uid", UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), primary_key=True),
    #: What somebody wrote about the instance.
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)

task_event = sa.Table(
    "task_event",
    metadata,
    sa.Column("id", ROW_NUMBER, primary_key=True),
    sa.Column("instance_uid", UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Index("ix_task_event_instance", "instance_uid"),
)

task_error = sa.Table(
    "task_error",
    metadata,
    sa.Column("instance_uid", UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), primary_key=True),
    #: Those of the row of ``task_event`` that tells of it.
    sa.Column("epoch", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(20), primary_key=True),
    #: One line: why a try ended so.
    sa.Column("error", sa.Text, nullable=False),
)

mark = sa.Table(
    "mark",
    metadata,
    sa.Column("id", ROW_NUMBER, primary_key=True),
    sa.Column("run_uid", UID, nullable=False),
    sa.Column("task_id", ID, nullable=False),
    sa.Column("map_index", sa.Integer, nullable=False),
)

expansion = sa.Table(
    "expansion",
    metadata,
    sa.Column("run_uid", UID, sa.ForeignKey("dag_run.uid", ondelete="CASCADE"), primary_key=True),
    sa.Column("task_id", ID, primary_key=True),
    #: JSON: of each leaf of what it is expanded over, its length, if that is mapped itself its instances, and since
    #: when it is there.
    sa.Column("lengths", sa.Text, nullable=False),
    #: Its instances, and how many of them are in which finished state; kept in the transaction that finishes one.
    sa.Column("total", sa.Integer, nullable=False),
    *(sa.Column(state.value, sa.Integer, nullable=False, server_default="0") for state in sorted(FINISHED)),
)

xcom = sa.Table(
    "xcom",
    metadata,
    sa.Column("dag_id", ID, primary_key=True),
    sa.Column("run_id", ID, primary_key=True),
    sa.Column("task_id", ID, primary_key=True),
    sa.Column("map_index", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(512), primary_key=True),
    sa.Column("execution_date", UtcTime),
    sa.Column("value", sa.LargeBinary, nullable=False),
    #: How many elements it has; null if it is nothing that a task can be expanded over.
    sa.Column("length", sa.Integer),
    sa.Column("timestamp", UtcTime, nullable=False),
)

task_state = sa.Table(
    "task_state",
    metadata,
    sa.Column("instance_uid", UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), primary_key=True),
    #: job, journal, checkpoint or user: each is a name space of its own.
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("key", sa.String(512), primary_key=True),
    #: Order within the kind, where order matters.
    sa.Column("position", sa.Integer, nullable=False, server_default="0"),
    sa.Column("value", Sealed, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)
