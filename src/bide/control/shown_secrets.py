"""Connections and variables as people see them who do not ask for secrets."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from bide.model.connection_fields import ConnectionFields, extra_object
from bide.model.shown_values import shown_value
from bide.observe.masking import MASK, add_secret, is_secret_name, mask_secret, mask_strings, redact
from bide.store import Tx, connections, variables


def shown_connection(fields: ConnectionFields) -> ConnectionFields:
    """Without password, and without what its extra has under names of secrets.

    An extra that is no JSON object, of which nobody knows what it says, is not shown at all. So is login and
    password in a host that is a URL.
    """
    extra = extra_object(fields.extra)
    hidden = MASK if fields.extra else fields.extra
    return msgspec.structs.replace(
        fields,
        password=MASK if fields.password else fields.password,
        extra=hidden if extra is None else json.dumps(redact(extra)),
        host=_without_credentials(fields.host),
    )


def _without_credentials(host: str | None) -> str | None:
    if host is None or "://" not in host or "@" not in host:
        return host
    protocol, _, rest = host.partition("://")
    return f"{protocol}://{MASK}@{rest.rpartition('@')[2]}"


def shown_xcom(value: bytes) -> Any:
    """A stored XCom as JSON for people; call :func:`know_secrets` before."""
    return mask_strings(shown_value(value))


def know_secrets(tx: Tx) -> None:
    """Mask what the store keeps of secrets, from now on, in all that this process shows and logs."""
    for row in connections.list_readable(tx):
        add_secret(row.fields.password)
        mask_secret(extra_object(row.fields.extra))
    for variable in variables.list_readable(tx):
        if variable.is_secret or is_secret_name(variable.key):
            add_secret(variable.value)
