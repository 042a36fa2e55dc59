"""What hooks read and write, as they tell it: ``get_hook_lineage_collector().add_input_asset(hook, uri=...)``.

Nothing is kept unless a plugin says, in its ``hook_lineage_readers``, that it wants to read it. What is kept
belongs to the task that runs, and goes with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

from bide.authoring.assets import Asset
from bide.authoring.logged import LoggingMixin
from bide.authoring.plugins import load_plugins
from bide.authoring.providers import ProvidersManager
from bide.authoring.runtime import NoRuntime, Runtime, current_runtime

#: Different assets of one kind, and different further notes, that are kept of one task; more are dropped.
MOST_KEPT: Final = 100


@dataclass(slots=True)
class AssetLineageInfo:
    """An asset that was read or written."""

    asset: Asset
    #: How often.
    count: int
    #: The hook or operator that told of it.
    context: Any

    @property
    def dataset(self) -> Asset:
        """The asset, by its older name."""
        return self.asset


@dataclass(slots=True)
class ExtraLineageInfo:
    """Something else that a hook told, such as a statement of SQL."""

    key: str
    value: Any
    #: How often.
    count: int
    #: The hook or operator that told of it.
    context: Any


@dataclass(slots=True)
class HookLineage:
    """All that was told."""

    inputs: list[AssetLineageInfo] = field(default_factory=list[AssetLineageInfo])
    outputs: list[AssetLineageInfo] = field(default_factory=list[AssetLineageInfo])
    extra: list[ExtraLineageInfo] = field(default_factory=list[ExtraLineageInfo])


class HookLineageCollector(LoggingMixin):
    """Takes down what hooks tell."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._inputs: dict[tuple[Asset, int], AssetLineageInfo] = {}
        self._outputs: dict[tuple[Asset, int], AssetLineageInfo] = {}
        self._extra: dict[tuple[str, str, int], ExtraLineageInfo] = {}

    def create_asset(
        self,
        *,
        scheme: str | None = None,
        uri: str | None = None,
        name: str | None = None,
        group: str | None = None,
        asset_kwargs: Mapping[str, Any] | None = None,
        asset_extra: Mapping[str, Any] | None = None,
    ) -> Asset | None:
        """The asset of a URI, name, or what the factory of a provider for `scheme` makes of `asset_kwargs`.

        None where these say too little, or no provider knows the scheme.
        """
        if uri or name:
            return Asset(name or None, uri or None, group=group, extra=asset_extra)
        factory = ProvidersManager().asset_factories.get(scheme) if scheme else None
        if factory is None:
            self.log.debug("no asset of scheme %r can be made of %r", scheme, asset_kwargs)
            return None
        # Factories make assets by what they know under Airflow's name; an extra is the only thing all take.
        return factory(**dict(asset_kwargs or {}), extra=dict(asset_extra or {}))

    def add_input_asset(
        self,
        context: Any,
        scheme: str | None = None,
        uri: str | None = None,
        name: str | None = None,
        group: str | None = None,
        asset_kwargs: Mapping[str, Any] | None = None,
        asset_extra: Mapping[str, Any] | None = None,
    ) -> None:
        """`context`, a hook or operator, has read an asset."""
        self._add(self._inputs, context, scheme, uri, name, group, asset_kwargs, asset_extra)

    def add_output_asset(
        self,
        context: Any,
        scheme: str | None = None,
        uri: str | None = None,
        name: str | None = None,
        group: str | None = None,
        asset_kwargs: Mapping[str, Any] | None = None,
        asset_extra: Mapping[str, Any] | None = None,
    ) -> None:
        """`context`, a hook or operator, has written an asset."""
        self._add(self._outputs, context, scheme, uri, name, group, asset_kwargs, asset_extra)

    def add_extra(self, context: Any, key: str, value: Any) -> None:
        """`context`, a hook or operator, tells something else; one thing told twice is counted."""
        if not key or not value:
            self.log.debug("what has no key or no value is not kept: %r", key)
            return
        place = (key, json.dumps(value, sort_keys=True, default=str), id(context))
        known = self._extra.get(place)
        if known is not None:
            known.count += 1
        elif self._has_room(self._extra):
            self._extra[place] = ExtraLineageInfo(key, value, 1, context)

    def _add(self, among: dict[tuple[Asset, int], AssetLineageInfo], context: Any, *given: Any) -> None:
        scheme, uri, name, group, asset_kwargs, asset_extra = given
        asset = self.create_asset(
            scheme=scheme, uri=uri, name=name, group=group, asset_kwargs=asset_kwargs, asset_extra=asset_extra
        )
        if asset is None:
            return
        known = among.get((asset, id(context)))
        if known is not None:
            known.count += 1
        elif self._has_room(among):
            among[asset, id(context)] = AssetLineageInfo(asset, 1, context)

    def _has_room(self, among: Mapping[Any, Any]) -> bool:
        if len(among) == MOST_KEPT:
            self.log.debug("more than %d are not kept", MOST_KEPT)
        return len(among) < MOST_KEPT

    @property
    def collected_assets(self) -> HookLineage:
        """What has been told so far."""
        return HookLineage([*self._inputs.values()], [*self._outputs.values()], [*self._extra.values()])

    @property
    def has_collected(self) -> bool:
        """Whether anything has been told."""
        return bool(self._inputs or self._outputs or self._extra)


class NoOpCollector(HookLineageCollector):
    """Keeps nothing: there is nobody who would read it."""

    def add_input_asset(self, *args: Any, **kwargs: Any) -> None:
        """Dropped."""

    def add_output_asset(self, *args: Any, **kwargs: Any) -> None:
        """Dropped."""

    def add_extra(self, *args: Any, **kwargs: Any) -> None:
        """Dropped."""


class HookLineageReader(LoggingMixin):
    """Named in a plugin's ``hook_lineage_readers``, it has the collectors keep what they are told."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lineage_collector = get_hook_lineage_collector()

    def retrieve_hook_lineage(self) -> HookLineage:
        """What hooks have told in this task so far."""
        return self.lineage_collector.collected_assets


_of_runtimes: Final[WeakKeyDictionary[Runtime, HookLineageCollector]] = WeakKeyDictionary()
_of_process: Final = HookLineageCollector()
_nobody: Final = NoOpCollector()


def get_hook_lineage_collector() -> HookLineageCollector:
    """That of the running task; one that keeps nothing where no plugin wants to read it."""
    if not load_plugins().reads_lineage:
        return _nobody
    try:
        runtime = current_runtime()
    except NoRuntime:
        return _of_process
    return _of_runtimes.setdefault(runtime, HookLineageCollector())
