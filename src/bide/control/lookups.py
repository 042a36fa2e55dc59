"""What runners look up: connections and variables of the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

import msgspec

from bide.model.errors import BideError, ProtocolError, SecretsBackendError
from bide.store import Store, connections, variables
from bide.wire.lookups import (
    LOOKUPS,
    ConnectionFound,
    GetConnection,
    GetVariable,
    Lookup,
    LookupReply,
    VariableFound,
)
from bide.wire.message import Message
from bide.wire.messages import Refused

#: Who keeps what is found here, for people.
KEPT_BY = "store"


#: Asks a backend of secrets.
AskBackend = Callable[[Lookup], Awaitable[LookupReply | Refused]]

_backends: WeakKeyDictionary[Store, AskBackend] = WeakKeyDictionary()


def use_backend(store: Store, ask: AskBackend | None) -> None:
    """Have lookups that go to `store` asked of a backend first; None: no more."""
    if ask is None:
        _backends.pop(store, None)
    else:
        _backends[store] = ask


async def look_up(store: Store, body: Message) -> LookupReply:
    """Answer one of :data:`~bide.wire.lookups.LOOKUPS`: by the backend of secrets if there is one, then the store.

    Raises :class:`~bide.model.errors.KeyMissing` if what is found can't be opened, and
    :class:`SecretsBackendError` if the backend has failed and the store has nothing either.
    """
    ask = _backends.get(store)
    if ask is None or not isinstance(body, LOOKUPS):
        return await _in_store(store, body)
    found = await ask(body)
    if not isinstance(found, Refused) and _is_there(found):
        return msgspec.structs.replace(found, kept_by="secrets backend")
    stored = await _in_store(store, body)
    if isinstance(found, Refused) and not _is_there(stored):
        raise SecretsBackendError(found.reason)
    return stored


def _is_there(reply: LookupReply) -> bool:
    return (reply.fields if isinstance(reply, ConnectionFound) else reply.value) is not None


async def _in_store(store: Store, body: Message) -> LookupReply:
    if isinstance(body, GetConnection):
        conn_id = body.conn_id
        found = await store.read(lambda tx: connections.find(tx, conn_id))
        return ConnectionFound(None) if found is None else ConnectionFound(found.fields, KEPT_BY)
    if isinstance(body, GetVariable):
        key = body.key
        row = await store.read(lambda tx: variables.find(tx, key))
        return VariableFound(None) if row is None else VariableFound(row.value, row.is_secret, KEPT_BY)
    raise ProtocolError(f"{type(body).__name__} looks nothing up")


async def answer_lookup(store: Store, body: Message) -> LookupReply | Refused:
    """As :func:`look_up`, for one who only looks up: a parser."""
    if not isinstance(body, LOOKUPS):
        return Refused("this can only be done by a task that runs")
    try:
        return await look_up(store, body)
    except BideError as error:
        return Refused(str(error))
