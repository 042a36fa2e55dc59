"""What deferred instances wait for, and where they go on."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.schema.columns import ID, UID, UtcTime, metadata, rows_where
from bide.store.sealing import Sealed

wait = sa.Table(
    "wait",
    metadata,
    sa.Column("uid", UID, primary_key=True),
    sa.Column("instance_uid", UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), nullable=False),
    sa.Column("run_uid", UID, nullable=False),
    #: The node above it in a tree of waits; null for the root.
    sa.Column("parent_uid", UID, sa.ForeignKey("wait.uid", ondelete="CASCADE")),
    #: Its name among its siblings: a keyword, or its position in digits.
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    #: any, all, n_of: how many of its children have to have an event.
    sa.Column("needed", sa.Integer),
    #: A child that is over, and is kept for what its siblings will make of it; then `outcome` or `error` says how.
    sa.Column("ended_at", UtcTime),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    #: Of the instance, when it was armed.
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("classpath", sa.Text, nullable=False),
    sa.Column("kwargs", Sealed, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("has_on_kill", sa.Boolean, nullable=False),
    #: signal: which one.
    sa.Column("signal_name", ID),
    #: Which triggerers may run it.
    sa.Column("queue", ID, nullable=False, server_default="default"),
    #: Polls and streams of the same group share their looks; null for one that shares with nobody.
    sa.Column("group_key", sa.String(64)),
    #: Seconds between looks of a poll.
    sa.Column("interval", sa.Float),
    #: timer: when it fires.
    sa.Column("due_at", UtcTime),
    #: timer: what it fires with; a child that is over: what it ended with.
    sa.Column("outcome", Sealed),
    #: Where the task goes on; null where only an ending event is legal.
    sa.Column("method", sa.Text),
    sa.Column("resume_kwargs", Sealed, nullable=False),
    #: Fails the task when it comes first.
    sa.Column("deadline", UtcTime),
    sa.Column("armed_at", UtcTime, nullable=False),
    #: The lease: which engine runs it, and the token that its events have to show.
    sa.Column("session", UID),
    sa.Column("token", sa.Integer, nullable=False),
    sa.CheckConstraint("kind IN ('start', 'timer', 'signal', 'poll', 'stream', 'all', 'any', 'n_of')", name="kind"),
    sa.Index("ix_wait_instance", "instance_uid"),
    # Deleting a wait looks for its children: without this, in every wait there is.
    sa.Index("ix_wait_parent", "parent_uid", **rows_where("parent_uid IS NOT NULL")),
    sa.Index("ix_wait_due", "due_at", **rows_where("due_at IS NOT NULL")),
    sa.Index("ix_wait_deadline", "deadline", **rows_where("deadline IS NOT NULL")),
    sa.Index(
        "ix_wait_unclaimed",
        "armed_at",
        **rows_where("session IS NULL AND kind IN ('poll', 'stream') AND ended_at IS NULL"),
    ),
    # Tasks that start from their trigger, whose waits are still to be made.
    sa.Index("ix_wait_start", "armed_at", **rows_where("session IS NULL AND kind = 'start'")),
    sa.Index("ix_wait_group", "group_key", "session", **rows_where("group_key IS NOT NULL")),
    sa.Index("ix_wait_session", "session", **rows_where("session IS NOT NULL")),
)

watch = sa.Table(
    "watch",
    metadata,
    sa.Column("wait_uid", UID, sa.ForeignKey("wait.uid", ondelete="CASCADE"), primary_key=True),
    #: Among the runs that the wait has an eye on.
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("dag_id", ID, nullable=False),
    #: The run's id, or its logical date.
    sa.Column("run_id", ID),
    sa.Column("logical_date", UtcTime),
    #: JSON: what it waits for. Ids and states only, in clear.
    sa.Column("spec", sa.LargeBinary, nullable=False),
    #: How often the run has changed since it was looked at.
    sa.Column("touches", sa.Integer, nullable=False),
    sa.Index("ix_watch_dag", "dag_id", "run_id"),
    sa.Index("ix_watch_touched", "wait_uid", **rows_where("touches > 0")),
)

question = sa.Table(
    "question",
    metadata,
    sa.Column("instance_uid", UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), primary_key=True),
    #: The wait that the answer ends.
    sa.Column("wait_uid", UID, nullable=False),
    #: JSON, in clear: it is there to be shown.
    sa.Column("spec", sa.LargeBinary, nullable=False),
    sa.Column("asked_at", UtcTime, nullable=False),
    #: JSON.
    sa.Column("answer", sa.LargeBinary),
    sa.Column("answered_by", sa.Text, nullable=False),
    sa.Column("answered_at", UtcTime),
    sa.Index("ix_question_asked_at", "asked_at"),
)

signal = sa.Table(
    "signal",
    metadata,
    sa.Column("uid", UID, primary_key=True),
    sa.Column("instance_uid", UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), nullable=False),
    sa.Column("name", ID, nullable=False),
    #: SHA-256 of the token of a callback URL, in hex; null for a signal that somebody sent by name.
    sa.Column("token_hash", sa.String(64), unique=True),
    #: The event, once it has come.
    sa.Column("outcome", Sealed),
    sa.Column("received_at", UtcTime),
    #: When a wait took the event.
    sa.Column("consumed_at", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Index("ix_signal_instance", "instance_uid"),
    sa.Index("ix_signal_expires", "expires_at"),
)

taken_message = sa.Table(
    "taken_message",
    metadata,
    #: The group of the waits, and the SHA-256 of the message's key, in hex.
    sa.Column("stream", sa.String(64), primary_key=True),
    sa.Column("message", sa.String(64), primary_key=True),
    sa.Column("taken_at", UtcTime, nullable=False),
    sa.Index("ix_taken_message_taken_at", "taken_at"),
)

checkpoint = sa.Table(
    "checkpoint",
    metadata,
    #: A group of waits, or one wait.
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", Sealed, nullable=False),
    #: Waits of the group that began at this moment or before have been offered all that lies before it.
    sa.Column("covers", UtcTime, nullable=False),
    sa.Column("saved_at", UtcTime, nullable=False),
    sa.Index("ix_checkpoint_saved_at", "saved_at"),
)

resume = sa.Table(
    "resume",
    metadata,
    sa.Column("instance_uid", UID, sa.ForeignKey("task_instance.uid", ondelete="CASCADE"), primary_key=True),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("kwargs", Sealed, nullable=False),
    sa.Column("event", Sealed, nullable=False),
)

cancel_obligation = sa.Table(
    "cancel_obligation",
    metadata,
    sa.Column("uid", UID, primary_key=True),
    # No foreign key: it would need an index of all of them beside that of the few that hold.
    sa.Column("instance_uid", UID, nullable=False),
    sa.Column("run_uid", UID, nullable=False),
    #: The wait whose external work is to be cancelled, and its trigger.
    sa.Column("wait_uid", UID, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("classpath", sa.Text, nullable=False),
    sa.Column("kwargs", Sealed, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", UtcTime),
    sa.Column("give_up_at", UtcTime, nullable=False),
    #: Whether the next try has to wait: until it is done, or somebody has released the instance.
    sa.Column("holds", sa.Boolean, nullable=False),
    #: Whether it goes on holding (hold) or not (start) when it was given up.
    sa.Column("on_failure", sa.String(10), nullable=False),
    sa.Column("session", UID),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.CheckConstraint("state IN ('pending', 'done', 'failed')", name="state"),
    # Deleting a run looks for what belongs to it.
    sa.Index("ix_cancel_obligation_run", "run_uid"),
    sa.CheckConstraint("on_failure IN ('hold', 'start')", name="on_failure"),
    # A new try looks here: those that hold are few, those that are done are kept.
    sa.Index("ix_cancel_obligation_holding", "instance_uid", **rows_where("holds")),
    sa.Index("ix_cancel_obligation_pending", "due_at", **rows_where("state = 'pending'")),
)
