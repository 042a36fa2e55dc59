"""Assets: who makes and who waits for them, their events, and which run has had which event."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.schema.columns import ID, ROW_NUMBER, UID, UtcTime, metadata, rows_where
from bide.store.sealing import Sealed

#: Names and URIs.
NAME = sa.String(1500)

asset = sa.Table(
    "asset",
    metadata,
    sa.Column("uid", UID, primary_key=True),
    sa.Column("name", NAME, nullable=False),
    sa.Column("uri", NAME, nullable=False),
    sa.Column("group", NAME, nullable=False),
    #: What its DAG file says of it.
    sa.Column("extra", sa.JSON, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.UniqueConstraint("name", "uri"),
)

asset_reference = sa.Table(
    "asset_reference",
    metadata,
    sa.Column("dag_id", ID, primary_key=True),
    #: Of a schedule: empty.
    sa.Column("task_id", ID, primary_key=True),
    sa.Column("role", sa.String(10), primary_key=True),
    #: A mention: asset, alias, name or uri.
    sa.Column("kind", sa.String(10), primary_key=True),
    sa.Column("name", NAME, primary_key=True),
    sa.Column("uri", NAME, primary_key=True),
    sa.CheckConstraint("role IN ('schedule', 'outlet', 'inlet')", name="role"),
    # An event looks for the DAGs that wait for it.
    sa.Index("ix_asset_reference_mention", "kind", "name", "uri", "role"),
)

asset_alias_link = sa.Table(
    "asset_alias_link",
    metadata,
    sa.Column("asset_uid", UID, sa.ForeignKey("asset.uid", ondelete="CASCADE"), primary_key=True),
    #: An alias by which an event of the asset was made.
    sa.Column("alias", NAME, primary_key=True),
    sa.Index("ix_asset_alias_link_alias", "alias"),
)

asset_event = sa.Table(
    "asset_event",
    metadata,
    #: Its order among the events of its asset.
    sa.Column("uid", UID, primary_key=True),
    sa.Column("asset_uid", UID, sa.ForeignKey("asset.uid", ondelete="CASCADE"), nullable=False),
    sa.Column("timestamp", UtcTime, nullable=False),
    sa.Column("extra", Sealed, nullable=False),
    #: The task instance that made it, if one did. Runs may be gone before their events.
    sa.Column("source_dag_id", ID),
    sa.Column("source_task_id", ID),
    sa.Column("source_run_id", ID),
    sa.Column("source_map_index", sa.Integer, nullable=False),
    #: Who made it, for people.
    sa.Column("made_by", sa.Text, nullable=False),
    #: The aliases by which it was made.
    sa.Column("aliases", sa.JSON, nullable=False),
    sa.Index("ix_asset_event_asset", "asset_uid", "uid"),
    sa.Index("ix_asset_event_source", "source_dag_id", "source_run_id"),
    sa.Index("ix_asset_event_timestamp", "timestamp"),
)

asset_delivery = sa.Table(
    "asset_delivery",
    metadata,
    #: The DAG that waits for the event: it gets each event once.
    sa.Column("dag_id", ID, primary_key=True),
    sa.Column("event_uid", UID, sa.ForeignKey("asset_event.uid", ondelete="CASCADE"), primary_key=True),
    sa.Column("asset_uid", UID, nullable=False),
    #: The run that has it; null while it is pending, and where it was passed over for a newer one.
    sa.Column("run_uid", UID, sa.ForeignKey("dag_run.uid", ondelete="CASCADE")),
    sa.Column("passed_over", sa.Boolean, nullable=False),
    sa.Index(
        "ix_asset_delivery_pending",
        "dag_id",
        "asset_uid",
        "event_uid",
        **rows_where("run_uid IS NULL AND NOT passed_over"),
    ),
    sa.Index("ix_asset_delivery_run", "run_uid", **rows_where("run_uid IS NOT NULL")),
    sa.Index("ix_asset_delivery_event", "event_uid"),
)

asset_state = sa.Table(
    "asset_state",
    metadata,
    sa.Column("asset_uid", UID, sa.ForeignKey("asset.uid", ondelete="CASCADE"), primary_key=True),
    #: What tasks keep with the asset from run to run.
    sa.Column("key", sa.String(512), primary_key=True),
    sa.Column("value", Sealed, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)

asset_mark = sa.Table(
    "asset_mark",
    metadata,
    sa.Column("id", ROW_NUMBER, primary_key=True),
    #: A DAG that is to be looked at, since it has got an event.
    sa.Column("dag_id", ID, nullable=False),
)
