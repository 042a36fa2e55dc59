"""What code of users looks up with the engine: connections and variables.

Any runner may ask: tasks, triggers, and DAG files while they are parsed. Only tasks may change variables.
"""

from __future__ import annotations

from bide.model.connection_fields import ConnectionFields
from bide.wire.message import Message


class GetConnection(Message, frozen=True):
    """Runner → engine (reply: ConnectionFound)."""

    conn_id: str


class ConnectionFound(Message, frozen=True):
    """Engine → runner: the connection, or None if nobody has it. `kept_by`: who has it, for people."""

    fields: ConnectionFields | None
    kept_by: str = ""


class GetVariable(Message, frozen=True):
    """Runner → engine (reply: VariableFound)."""

    key: str


class VariableFound(Message, frozen=True):
    """Engine → runner: the value, or None if there is none."""

    value: str | None
    #: To be masked in logs.
    is_secret: bool = False
    kept_by: str = ""


class SetVariable(Message, frozen=True):
    """Task runner → engine (reply: Ok once it is durable). None leaves description or mark as they are."""

    key: str
    value: str
    description: str | None = None
    is_secret: bool | None = None


class DeleteVariable(Message, frozen=True):
    """Task runner → engine (reply: VariableDeleted once it is durable)."""

    key: str


class VariableDeleted(Message, frozen=True):
    """Engine → task runner: whether there was one."""

    existed: bool


#: What any runner may ask.
Lookup = GetConnection | GetVariable
LOOKUPS = (GetConnection, GetVariable)
LookupReply = ConnectionFound | VariableFound
LookupMessage = Lookup | LookupReply | SetVariable | DeleteVariable | VariableDeleted
