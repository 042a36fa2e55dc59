"""Triggers that watch things outside, whose events are events of assets."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.schema.assets import NAME
from bide.store.schema.columns import ID, UID, UtcTime, metadata, rows_where
from bide.store.sealing import Sealed

asset_watcher = sa.Table(
    "asset_watcher",
    metadata,
    sa.Column("uid", UID, primary_key=True),
    sa.Column("asset_uid", UID, sa.ForeignKey("asset.uid", ondelete="CASCADE"), nullable=False),
    #: Its name among those of its asset.
    sa.Column("name", NAME, nullable=False),
    #: Of its trigger, in hex: another trigger is another watcher.
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("classpath", sa.Text, nullable=False),
    sa.Column("kwargs", Sealed, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("queue", ID, nullable=False),
    #: Those of the same group share their looks, or their consumer.
    sa.Column("group_key", sa.String(64)),
    sa.Column("interval", sa.Float),
    #: Where its class is found.
    sa.Column("dag_file", sa.Text, nullable=False),
    sa.Column("dag_folder", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    #: The lease: which engine runs it, and the token that its events have to show.
    sa.Column("session", UID),
    sa.Column("token", sa.Integer, nullable=False),
    #: Since when it is watched under this lease.
    sa.Column("leased_at", UtcTime),
    #: Not before this it runs again; null where nothing stands against that.
    sa.Column("retry_at", UtcTime),
    #: How often in a row it has failed without an event, and how the last time.
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    #: How many events it has made, and how many were there already.
    sa.Column("events", sa.Integer, nullable=False),
    sa.Column("duplicates", sa.Integer, nullable=False),
    sa.Column("last_event_at", UtcTime),
    #: SHA-256 of what tells its last event from others, in hex.
    sa.Column("last_key", sa.String(64), nullable=False, server_default=""),
    #: Seconds from when the last message was written to when its event was stored; null where nobody says.
    sa.Column("lag", sa.Float),
    sa.CheckConstraint("kind IN ('poll', 'stream')", name="kind"),
    sa.UniqueConstraint("asset_uid", "name", "hash"),
    sa.Index("ix_asset_watcher_group", "group_key", "session", **rows_where("group_key IS NOT NULL")),
    sa.Index("ix_asset_watcher_session", "session", **rows_where("session IS NOT NULL")),
)

asset_watcher_dag = sa.Table(
    "asset_watcher_dag",
    metadata,
    #: A DAG that names the asset with this watcher. It runs while one of them is active and not paused.
    sa.Column("dag_id", ID, primary_key=True),
    sa.Column("watcher_uid", UID, sa.ForeignKey("asset_watcher.uid", ondelete="CASCADE"), primary_key=True),
    sa.Index("ix_asset_watcher_dag_watcher", "watcher_uid"),
)
