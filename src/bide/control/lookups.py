"""What runners look up: connections and variables of the store."""

from __future__ import annotations

from bide.model.errors import BideError, ProtocolError
from bide.store import Store, connections, variables
from bide.wire.lookups import LOOKUPS, ConnectionFound, GetConnection, GetVariable, LookupReply, VariableFound
from bide.wire.message import Message
from bide.wire.messages import Refused

#: Who keeps what is found here, for people.
KEPT_BY = "store"


async def look_up(store: Store, body: Message) -> LookupReply:
    """Answer one of :data:`~bide.wire.lookups.LOOKUPS`.

    Raises :class:`~bide.model.errors.KeyMissing` if what is found can't be opened.
    """
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
