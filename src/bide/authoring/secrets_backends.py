"""Backends of secrets: where connections and variables are kept outside of Bide.

A backend is a class of an installed package, named by ``[secrets] backend``. It lives in a process of its own.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from bide.authoring.connection import Connection
from bide.authoring.local_files import as_variable, read_connections, read_entries
from bide.model.connection_fields import ConnectionFields


class BaseSecretsBackend:
    """A subclass has ``get_conn_value()`` (or ``get_connection()``), ``get_variable()``, or both."""

    def __init__(self, **kwargs: Any) -> None:
        # Arguments that no class takes end here, as in Airflow: backends pass on what they were given.
        super().__init__()

    @property
    def log(self) -> logging.Logger:
        """A logger; its lines go to the engine's file ``runners.log``."""
        return logging.getLogger(f"{type(self).__module__}.{type(self).__qualname__}")

    @staticmethod
    def build_path(path_prefix: str, secret_id: str, sep: str = "/") -> str:
        """``prefix/id``, or the id alone if the prefix is empty."""
        return f"{path_prefix}{sep}{secret_id}" if path_prefix else secret_id

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """The connection as a URI or a JSON object; None if it is not here."""
        return None

    def deserialize_connection(self, conn_id: str, value: str) -> Connection:
        """The connection that :meth:`get_conn_value` has told of."""
        return Connection.from_text(value, conn_id)

    def get_connection(self, conn_id: str, team_name: str | None = None) -> Connection | None:
        """The connection; None if it is not here."""
        value = self.get_conn_value(conn_id)
        return None if value is None else self.deserialize_connection(conn_id, value)

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """The variable; None if it is not here."""
        return None

    def get_config(self, key: str) -> str | None:
        """The setting that ``..._SECRET`` names so; None if it is not here. Asked in a process of its own."""
        return None


class LocalFilesystemBackend(BaseSecretsBackend):
    """Connections and variables of files: JSON, YAML, or lines ``KEY=VALUE``. They are read at each look-up."""

    def __init__(self, variables_file_path: str | None = None, connections_file_path: str | None = None) -> None:
        super().__init__()
        self.variables_file = variables_file_path
        self.connections_file = connections_file_path

    def get_connection(self, conn_id: str, team_name: str | None = None) -> Connection | None:
        """The connection of the file."""
        found: dict[str, ConnectionFields] = {}
        if self.connections_file:
            found = read_connections(Path(self.connections_file))
        return Connection.of(conn_id, found[conn_id]) if conn_id in found else None

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """The variable of the file."""
        found = read_entries(Path(self.variables_file)) if self.variables_file else {}
        return as_variable(found[key]) if key in found else None
