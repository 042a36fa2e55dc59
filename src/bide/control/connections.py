"""Change connections."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from bide.control.importing import OnExisting, sort_out
from bide.model.connection_fields import ConnectionFields, check_conn_id
from bide.model.errors import Conflict, NotFound
from bide.store import Store, Tx, connections, sessions
from bide.store.connections import ConnectionRow


async def add_connection(store: Store, conn_id: str, fields: ConnectionFields, *, by: str) -> None:
    """Store a connection that must be new. Raises :class:`Conflict`, or ``InvalidArgument`` for its id."""
    check_conn_id(conn_id)

    def work(tx: Tx) -> None:
        if conn_id in connections.known_ids(tx):
            raise Conflict(f"there is a connection {conn_id!r} already")
        connections.put(tx, [ConnectionRow(conn_id, fields)])
        sessions.audit(tx, "add_connection", owner=by, extra=conn_id)
        tx.ring("variables")

    await store.write(work)


async def change_connection(
    store: Store, conn_id: str, fields: ConnectionFields, names: Collection[str], *, by: str
) -> ConnectionRow:
    """Replace the fields with these `names`. Raises :class:`NotFound`."""

    def work(tx: Tx) -> ConnectionRow:
        old = connections.find(tx, conn_id)
        if old is None:
            raise NotFound(f"there is no connection {conn_id!r}")
        changes = {name: getattr(fields, name) for name in names}
        row = ConnectionRow(conn_id, msgspec.structs.replace(old.fields, **changes))
        connections.put(tx, [row])
        sessions.audit(tx, "change_connection", owner=by, extra=conn_id)
        tx.ring("variables")
        return row

    return await store.write(work)


async def delete_connection(store: Store, conn_id: str, *, by: str) -> None:
    """Forget a connection. Raises :class:`NotFound`."""

    def work(tx: Tx) -> None:
        if not connections.delete(tx, conn_id):
            raise NotFound(f"there is no connection {conn_id!r}")
        sessions.audit(tx, "delete_connection", owner=by, extra=conn_id)
        tx.ring("variables")

    await store.write(work)


async def import_connections(
    store: Store, rows: Sequence[ConnectionRow], *, on_existing: OnExisting = "fail", by: str
) -> tuple[list[str], list[str]]:
    """Store all of these, or none; the ids that were written, and those that were skipped."""
    for row in rows:
        check_conn_id(row.conn_id)

    def work(tx: Tx) -> tuple[list[str], list[str]]:
        names = [row.conn_id for row in rows]
        wanted, skipped = sort_out(names, connections.known_ids(tx), on_existing, "connection")
        left_alone = set(skipped)
        connections.put(tx, [row for row in rows if row.conn_id not in left_alone])
        for conn_id in wanted:
            sessions.audit(tx, "add_connection", owner=by, extra=conn_id)
            tx.ring("variables")
        return wanted, skipped

    return await store.write(work)
