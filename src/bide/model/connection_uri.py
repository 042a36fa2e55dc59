"""Connections as URIs, as Airflow writes and reads them.

    postgres://login:password@host:5432/schema?extra=value

All parts are percent-encoded. Fields of ``extra`` that are text are the query; any other ``extra`` is one field
``__extra__`` with its JSON. A host may have a protocol of its own: ``http://https://host``. The host keeps its
capital letters.
"""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

from bide.model.connection_fields import ConnectionFields, as_port, extra_object, normal_type
from bide.model.errors import InvalidArgument

_WHOLE_EXTRA: Final = "__extra__"
#: A protocol of the host beside the type.
_MOST_SCHEMES: Final = 2


def from_uri(uri: str, *, what: str) -> ConnectionFields:
    """Read a URI. Raises :class:`InvalidArgument`, without showing any of it: it may hold a password."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        raise InvalidArgument(
            f"{what} is no URI: it must begin with its type, as in postgres://login:password@host:5432/schema"
        )
    address, mark, query = rest.partition("?")
    address = address.partition("#")[0] if not mark else address
    query = query.partition("#")[0]
    protocol = ""
    if "://" in address:
        protocol, _, address = address.partition("://")
        if "@" in protocol or ":" in protocol or "://" in address:
            raise InvalidArgument(f"{what} is no URI: it has '://' where login, password or host should be")
    authority, _, path = address.partition("/")
    login, password, host, port = _authority(authority, what=what)
    if protocol:
        host = f"{protocol}://{host or ''}"
    return ConnectionFields(
        conn_type=normal_type(scheme),
        host=host,
        login=login,
        password=password,
        schema=unquote(path) if path else None,
        port=port,
        extra=_read_query(query),
    )


def _authority(text: str, *, what: str) -> tuple[str | None, str | None, str | None, int | None]:
    credentials, at, place = text.rpartition("@")
    login = password = None
    if at:
        name, colon, secret = credentials.partition(":")
        login = unquote(name) if name else None
        password = unquote(secret) if colon else None
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = place.partition(":")
    return login, password, unquote(host) if host else None, as_port(port, what=what)


def _read_query(query: str) -> str | None:
    if not query:
        return None
    found = dict(parse_qsl(query, keep_blank_values=True))
    return found.get(_WHOLE_EXTRA, json.dumps(found) if found else None)


def to_uri(fields: ConnectionFields) -> str:
    """The URI that :func:`from_uri` reads the same connection from, apart from its description."""
    uri = f"{(fields.conn_type or '').lower().replace('_', '-')}://"
    host = fields.host or ""
    if "://" in host:
        protocol, _, host = host.partition("://")
        uri += f"{protocol}://"
    if fields.login is not None or fields.password is not None:
        uri += quote(fields.login or "", safe="")
        if fields.password is not None:
            uri += ":" + quote(fields.password, safe="")
        uri += "@"
    uri += quote(host, safe="")
    if fields.port is not None:
        # Without a host or a login, readers would take the port for a part of the path.
        bare = not host and fields.login is None and fields.password is None
        uri += f"@:{fields.port}" if bare else f":{fields.port}"
    if fields.schema:
        uri += "/" + quote(fields.schema, safe="")
    if fields.extra:
        uri += ("?" if fields.schema else "/?") + _query(fields.extra)
    return uri


def _query(extra: str) -> str:
    found = extra_object(extra)
    plain = found and _WHOLE_EXTRA not in found and all(isinstance(value, str) for value in found.values())
    if found and plain:
        query = urlencode(found)
        # Only where reading it gives the same text again.
        if _read_query(query) == extra:
            return query
    return urlencode({_WHOLE_EXTRA: extra})
