"""Make, change and delete pools."""

from __future__ import annotations

from collections.abc import Sequence

from bide.model.errors import Conflict, NotFound
from bide.model.pools import DEFAULT_POOL, Pool, check_pool
from bide.store import Store, Tx, pools, sessions


async def set_pools(store: Store, given: Sequence[Pool], *, by: str, new: bool = False) -> None:
    """Make these pools, or give them these slots; what waits for them is looked at again at once.

    Raises :class:`InvalidArgument` for what can't be, and with `new` :class:`Conflict` for one that is there.
    """
    for pool in given:
        check_pool(pool)

    def work(tx: Tx) -> None:
        for pool in given:
            if new and pools.get_pool(tx, pool.name) is not None:
                raise Conflict(f"there is a pool {pool.name!r} already")
            sessions.audit(tx, "set_pool", owner=by, extra=f"{pool.name}: {pool.slots}")
        pools.save(tx, given)

    await store.write(work)


async def delete_pool(store: Store, name: str, *, by: str) -> None:
    """Delete a pool. Tasks that name it wait until there is one again; what runs goes on.

    Raises :class:`NotFound`, and :class:`Conflict` for the default pool.
    """
    if name == DEFAULT_POOL:
        raise Conflict(f"{DEFAULT_POOL} can't be deleted: tasks that name no pool are in it")

    def work(tx: Tx) -> None:
        if not pools.delete(tx, name):
            raise NotFound(f"there is no pool {name!r}")
        sessions.audit(tx, "delete_pool", owner=by, extra=name)

    await store.write(work)


async def list_pools(store: Store) -> list[pools.PoolView]:
    """All pools, by name."""
    return await store.read(pools.list_pools)
