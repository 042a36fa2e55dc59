"""Connections and variables as people see them who do not ask for secrets."""

from __future__ import annotations

import json

import msgspec

from bide.model.connection_fields import ConnectionFields, extra_object
from bide.observe.masking import MASK, redact


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
