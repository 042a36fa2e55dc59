"""The messages between the engine and the process of a backend of secrets."""

from __future__ import annotations

from bide.model.connection_fields import ConnectionFields
from bide.wire.message import Message


class OpenBackend(Message, frozen=True):
    """Engine → secrets runner (reply: Ok or Refused): make this backend.

    After that it is asked GetConnection and GetVariable, one at a time, and answers ConnectionFound and
    VariableFound, or Refused with what the backend has raised.
    """

    classpath: str
    #: JSON object: the arguments of its class. They may have passwords, so that they come this way.
    kwargs: bytes


class TryConnection(Message, frozen=True):
    """Command → secrets runner (reply: ConnectionTested): ask the connection's hook whether it can connect."""

    conn_id: str
    fields: ConnectionFields


class ConnectionTested(Message, frozen=True):
    """Secrets runner → command: what the hook says."""

    good: bool
    said: str


SecretsMessage = OpenBackend | TryConnection | ConnectionTested
