"""Where connections and variables are looked up: the environment first, then the engine.

The environment is this process's own and costs nothing. What the engine asks (secrets backends, the store) is its
affair; code of users has no database and no keys.
"""

from __future__ import annotations

import os
from typing import Final

from bide.authoring.runtime import FoundVariable, Runtime, current_runtime, in_runtime
from bide.authoring.used_connections import use_connection
from bide.model.connection_fields import ConnectionFields, extra_object, from_json
from bide.model.connection_uri import from_uri
from bide.model.errors import ConnectionNotFound, VariableNotFound
from bide.observe.masking import add_secret, is_secret_name, mask_secret

_CONNECTIONS: Final = ("BIDE_CONN_", "AIRFLOW_CONN_")
_VARIABLES: Final = ("BIDE_VAR_", "AIRFLOW_VAR_")


def connection_from(text: str, *, what: str) -> ConnectionFields:
    """A connection from a URI or a JSON object; `what` says in messages whose text it is."""
    text = text.strip()
    return from_json(text, what=what) if text.startswith("{") else from_uri(text, what=what)


def connection_in_environment(conn_id: str) -> ConnectionFields | None:
    """The connection that an environment variable of this process holds, if one does."""
    for prefix in _CONNECTIONS:
        name = prefix + conn_id.upper()
        if text := os.environ.get(name):
            return connection_from(text, what=f"the environment variable {name}")
    return None


def variable_in_environment(key: str) -> str | None:
    """The value that an environment variable of this process holds, if one does."""
    return next((text for prefix in _VARIABLES if (text := os.environ.get(prefix + key.upper())) is not None), None)


def find_connection(conn_id: str) -> ConnectionFields:
    """The connection; its secrets are masked from now on. Raises :class:`ConnectionNotFound`."""
    runtime = _runtime()
    found = connection_in_environment(conn_id)
    if found is None and runtime is not None:
        found = runtime.find_connection(conn_id)
    if found is None:
        raise ConnectionNotFound(
            f"the connection {conn_id!r} isn't defined{_asked(runtime)}: set {_CONNECTIONS[0]}{conn_id.upper()} to "
            f"its URI, or add it with `bide connections add {conn_id} --conn-uri URI`"
        )
    mask_connection(found)
    use_connection(conn_id, found)
    return found


def find_variable(key: str) -> str:
    """The variable's text; a secret one is masked from now on. Raises :class:`VariableNotFound`."""
    runtime = _runtime()
    text = variable_in_environment(key)
    found = None if text is None else FoundVariable(text, is_secret=False)
    if found is None and runtime is not None:
        found = runtime.find_variable(key)
    if found is None:
        raise VariableNotFound(
            f"the variable {key!r} isn't defined{_asked(runtime)}: set {_VARIABLES[0]}{key.upper()}, set it with "
            f"`bide variables set {key} VALUE`, or ask with default="
        )
    if found.is_secret or is_secret_name(key):
        add_secret(found.value)
    return found.value


def mask_connection(fields: ConnectionFields) -> None:
    """Keep its password, and what its extra has under names of secrets, out of logs."""
    if fields.password:
        add_secret(fields.password)
    extra = extra_object(fields.extra)
    if extra is not None:
        mask_secret(extra)


def _runtime() -> Runtime | None:
    return current_runtime() if in_runtime() else None


def _asked(runtime: Runtime | None) -> str:
    return "" if runtime is not None else " in the environment, and outside of Bide there is nobody else to ask"
