"""What tasks keep with an asset from run to run: ``context["asset_state_store"]``, as Airflow names it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from bide.authoring.asset_events import among
from bide.authoring.assets import AssetAlias, BaseAsset
from bide.authoring.runtime import current_runtime
from bide.authoring.task_state import checked_key
from bide.model.errors import InvalidArgument


class AssetState:
    """Values by key of one asset. They are encrypted, and shared by all tasks that have the asset.

    A value may be anything that an XCom may be. They go with the asset.
    """

    def __init__(self, of: BaseAsset) -> None:
        self._of = of

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default`."""
        return current_runtime().get_asset_state(self._of.mention(), checked_key(key), default)

    def set(self, key: str, value: Any) -> None:
        """Store `value`; durable on return."""
        current_runtime().set_asset_state(self._of.mention(), checked_key(key), value)

    def delete(self, key: str) -> None:
        """Forget `key`, if it is there."""
        current_runtime().delete_asset_state(self._of.mention(), checked_key(key))

    def clear(self) -> None:
        """Forget all keys."""
        current_runtime().delete_asset_state(self._of.mention(), None)

    async def aget(self, key: str, default: Any = None) -> Any:
        """As :meth:`get`, without holding up the loop."""
        return await asyncio.to_thread(self.get, key, default)

    async def aset(self, key: str, value: Any) -> None:
        """As :meth:`set`, without holding up the loop."""
        await asyncio.to_thread(self.set, key, value)

    async def adelete(self, key: str) -> None:
        """As :meth:`delete`, without holding up the loop."""
        await asyncio.to_thread(self.delete, key)

    async def aclear(self) -> None:
        """As :meth:`clear`, without holding up the loop."""
        await asyncio.to_thread(self.clear)


class AssetStates:
    """``asset_state_store`` of the context: by asset among the task's inlets and outlets.

    Where there is one such asset, its methods are those of its values: ``asset_state_store.get("watermark")``.
    """

    def __init__(self, inlets: Sequence[Any], outlets: Sequence[Any]) -> None:
        named = dict.fromkeys(one for one in (*inlets, *outlets) if isinstance(one, BaseAsset))
        self._assets = [one for one in named if not isinstance(one, AssetAlias)]

    def __getitem__(self, key: Any) -> AssetState:
        found = among(self._assets, key)
        if found is None:
            raise KeyError(f"{key!r} is not among the inlets and outlets of the task: {self._assets!r}")
        return AssetState(found)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(AssetState, name):
            raise AttributeError(f"asset_state_store has no attribute {name!r}")
        if len(self._assets) != 1:
            raise InvalidArgument(
                f"asset_state_store.{name}() is for a task with one asset among its inlets and outlets; of these, "
                f"say which: asset_state_store[asset].{name}(): {self._assets!r}"
            )
        return getattr(cast("Any", AssetState(self._assets[0])), name)
