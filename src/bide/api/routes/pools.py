"""Pools: list, get, make, change, delete."""

from __future__ import annotations

from fastapi import APIRouter

from bide.api import models, pool_models, views
from bide.api.services import Given, Paged, User
from bide.control.keep_pools import delete_pool, list_pools, set_pools
from bide.model.errors import NotFound
from bide.model.pools import Pool
from bide.store.pools import PoolView

router = APIRouter(prefix="/pools", tags=["Pool"], responses={404: {"model": models.Problem}})


@router.get("", responses={404: {}})
async def list_all(services: Given, page: Paged) -> pool_models.Pools:
    """Pools by name."""
    found = await list_pools(services.store)
    shown = found[page.offset :][: page.limit]
    return pool_models.Pools(pools=[views.pool(view) for view in shown], total_entries=len(found))


@router.get("/{pool_name}")
async def get_one(pool_name: str, services: Given) -> pool_models.Pool:
    """One pool."""
    return views.pool(await _find(services, pool_name))


@router.post("", status_code=201, responses={404: {}, 409: {"model": models.Problem}})
async def make(body: pool_models.NewPool, services: Given, user: User) -> pool_models.Pool:
    """Make a pool."""
    pool = Pool(body.name, body.slots, body.description or "", body.include_deferred)
    await set_pools(services.store, [pool], by=user, new=True)
    return views.pool(await _find(services, body.name))


@router.patch("/{pool_name}")
async def patch(pool_name: str, body: pool_models.PatchPool, services: Given, user: User) -> pool_models.Pool:
    """Change a pool; what waits for it is looked at again at once."""
    known = (await _find(services, pool_name)).pool
    changed = {name: value for name, value in body.model_dump().items() if value is not None}
    await set_pools(services.store, [known._replace(**changed)], by=user)
    return views.pool(await _find(services, pool_name))


@router.delete("/{pool_name}", status_code=204, responses={409: {"model": models.Problem}})
async def delete(pool_name: str, services: Given, user: User) -> None:
    """Delete a pool: tasks that name it wait until there is one again."""
    await delete_pool(services.store, pool_name, by=user)


async def _find(services: Given, name: str) -> PoolView:
    view = next((one for one in await list_pools(services.store) if one.pool.name == name), None)
    if view is None:
        raise NotFound(f"there is no pool {name!r}")
    return view
