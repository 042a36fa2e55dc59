"""Bodies of requests and answers about variables and connections."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from bide.api.models import Answer, Question


class Variable(Answer):
    """A variable; the value of a secret one is masked."""

    key: str
    value: str
    description: str | None
    is_encrypted: bool = Field(description="Always: all values are encrypted in the store.")
    is_secret: bool = Field(description="Whether its value is masked.")


class Variables(Answer):
    """Some variables."""

    variables: list[Variable]
    total_entries: int


class PutVariable(Question):
    """A variable to set. What is no text is stored as its JSON."""

    key: str
    value: Any
    description: str | None = None
    is_secret: bool | None = Field(None, description="Not given: as it was; for a new one, as its key says.")


class PatchVariable(Question):
    """What to change of a variable."""

    key: str | None = Field(None, description="As in the path, if it is given.")
    value: Any = None
    description: str | None = None
    is_secret: bool | None = None


class Connection(Answer):
    """A connection, without its secrets."""

    connection_id: str
    conn_type: str
    description: str | None
    host: str | None
    login: str | None
    schema_: str | None = Field(alias="schema", serialization_alias="schema")
    port: int | None
    password: str | None = Field(description="Masked.")
    extra: str | None = Field(description="Values under names of secrets are masked.")


class Connections(Answer):
    """Some connections."""

    connections: list[Connection]
    total_entries: int


class PatchConnection(Question):
    """What to change of a connection; what is not named stays as it is."""

    connection_id: str | None = Field(None, description="As in the path, if it is given.")
    conn_type: str | None = None
    description: str | None = None
    host: str | None = None
    login: str | None = None
    schema_: str | None = Field(None, alias="schema")
    port: int | None = None
    password: str | None = None
    extra: str | None = None


class PostConnection(PatchConnection):
    """A connection to add."""

    connection_id: str  # type: ignore[assignment]
    conn_type: str  # type: ignore[assignment]


class TestConnection(PatchConnection):
    """A connection to test: fields, or nothing but the id of one that is stored."""


class ConnectionTested(Answer):
    """What the hook of a connection's type says."""

    status: bool = Field(description="Whether the service could be reached.")
    message: str
