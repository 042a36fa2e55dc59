"""Variables and connections as answers, without what is secret."""

from __future__ import annotations

from bide.api import secret_models as models
from bide.control.shown_secrets import shown_connection
from bide.observe.masking import MASK, is_secret_name
from bide.store.connections import ConnectionRow
from bide.store.variables import VariableRow


def variable(row: VariableRow) -> models.Variable:
    """One variable."""
    return models.Variable(
        key=row.key,
        value=MASK if row.is_secret or is_secret_name(row.key) else row.value,
        description=row.description or None,
        is_encrypted=True,
        is_secret=row.is_secret,
    )


def connection(row: ConnectionRow) -> models.Connection:
    """One connection, without its secrets."""
    fields = shown_connection(row.fields)
    return models.Connection(
        connection_id=row.conn_id,
        conn_type=fields.conn_type or "",
        description=fields.description,
        host=fields.host,
        login=fields.login,
        schema=fields.schema,
        port=fields.port,
        password=fields.password,
        extra=fields.extra,
    )
