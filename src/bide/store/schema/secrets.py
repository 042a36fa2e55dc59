"""Connections and variables."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.schema.columns import ID, UtcTime, metadata
from bide.store.sealing import Sealed

connection = sa.Table(
    "connection",
    metadata,
    sa.Column("conn_id", ID, primary_key=True),
    sa.Column("conn_type", sa.String(250), nullable=False, server_default=""),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    #: All other fields, as JSON: a host or a login can be as secret as a password.
    sa.Column("value", Sealed, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)

variable = sa.Table(
    "variable",
    metadata,
    sa.Column("key", ID, primary_key=True),
    #: Text in UTF-8.
    sa.Column("value", Sealed, nullable=False),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    #: Its value is masked in logs, and shown to nobody who does not ask for it.
    sa.Column("is_secret", sa.Boolean, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)
