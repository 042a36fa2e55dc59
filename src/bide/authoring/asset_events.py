"""Events of assets, as the code of tasks sees and makes them: three names of the context."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar, cast, overload

from bide.authoring.assets import Asset, AssetAlias, AssetNameRef, AssetUriRef, BaseAsset
from bide.authoring.runtime import Narrowed, current_runtime
from bide.authoring.xcom_lookup import pull
from bide.model.errors import InvalidArgument

Found = TypeVar("Found")


class SourceRun(NamedTuple):
    """The run whose task made an event."""

    dag_id: str
    run_id: str


class SourceTask(NamedTuple):
    """The task instance that made an event."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    def xcom_pull(self, *, key: str = "return_value", default: Any = None) -> Any:
        """What it has left."""
        return pull(
            [self.task_id],
            key,
            single=True,
            dag_id=self.dag_id,
            run_id=self.run_id,
            map_indexes=[self.map_index],
            include_prior_dates=False,
            default=default,
        )


@dataclass(frozen=True, slots=True)
class AssetEvent:
    """Something that has become of an asset."""

    id: str
    asset: Asset
    extra: Any
    timestamp: dt.datetime
    #: The task instance that made it; None where somebody else did.
    source_dag_id: str | None = None
    source_task_id: str | None = None
    source_run_id: str | None = None
    source_map_index: int = -1
    #: Names of the aliases by which it was made.
    source_aliases: tuple[str, ...] = ()

    @property
    def dataset(self) -> Asset:
        """The asset, by its older name."""
        return self.asset

    @property
    def uri(self) -> str:
        """That of the asset."""
        return self.asset.uri

    @property
    def source_dag_run(self) -> SourceRun | None:
        """The run whose task made it."""
        if self.source_dag_id is None or self.source_run_id is None:
            return None
        return SourceRun(self.source_dag_id, self.source_run_id)

    @property
    def source_task_instance(self) -> SourceTask | None:
        """The task instance that made it."""
        if self.source_dag_id is None or self.source_run_id is None or self.source_task_id is None:
            return None
        return SourceTask(self.source_dag_id, self.source_run_id, self.source_task_id, self.source_map_index)


# --- events that the task makes -----------------------------------------------------------------------------------


class AddedEvent(NamedTuple):
    """An event that a task adds by an alias."""

    asset: Asset
    extra: dict[str, Any]


@dataclass
class OutletEvent:
    """What the task says of the event of one outlet: ``outlet_events[asset].extra = {...}``."""

    key: BaseAsset
    #: Goes with the event; of an alias, with all that are added without one of their own.
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    added: list[AddedEvent] = field(default_factory=list[AddedEvent])

    def add(self, asset: Asset, extra: Mapping[str, Any] | None = None) -> None:
        """Of an alias: make an event of `asset` when the task succeeds."""
        if not isinstance(self.key, AssetAlias):
            raise InvalidArgument(f"add() is for aliases: {self.key!r} has its one event anyway; set its extra")
        if not isinstance(asset, Asset):  # pyright: ignore[reportUnnecessaryIsInstance]  from authors
            raise InvalidArgument(f"outlet_events[{self.key!r}].add() takes an asset, not {asset!r}")
        self.added.append(AddedEvent(asset, dict(self.extra if extra is None else extra)))


class Metadata:
    """What a function yields to say something of the event of an outlet: ``yield Metadata(asset, {"rows": 5})``.

    With `alias`, the event of the asset is one that is made by that alias, which is the outlet then.
    """

    def __init__(
        self, asset: Asset | str, extra: Mapping[str, Any] | None = None, alias: AssetAlias | str | None = None
    ) -> None:
        self.asset = Asset(asset) if isinstance(asset, str) else asset
        self.extra = dict(extra or {})
        self.alias = AssetAlias(alias) if isinstance(alias, str) else alias

    def add_to(self, events: Mapping[Any, OutletEvent]) -> None:
        """Say it, in ``outlet_events`` of the context."""
        if self.alias is None:
            events[self.asset].extra.update(self.extra)
        else:
            events[self.alias].add(self.asset, self.extra)


class _ByName(Generic[Found]):
    """Looking up by what an asset is called, for templates, which have no ``Asset``."""

    def __getitem__(self, key: Any) -> Found:
        raise NotImplementedError

    def for_asset(self, *, name: str = "", uri: str = "") -> Found:
        """That of the asset of this name, or this URI, or both."""
        return self[Asset(name, uri) if name and uri else Asset.ref(name=name, uri=uri)]

    def for_asset_alias(self, *, name: str) -> Found:
        """That of the alias."""
        return self[AssetAlias(name)]


class OutletEvents(Mapping[Any, OutletEvent], _ByName[OutletEvent]):
    """``outlet_events`` of the context, by outlet; an asset may be named by its URI or name."""

    def __init__(self, outlets: Sequence[Any]) -> None:
        self._outlets = [one for one in outlets if isinstance(one, BaseAsset)]
        self._found: dict[BaseAsset, OutletEvent] = {}

    def __getitem__(self, key: Any) -> OutletEvent:
        outlet = among(self._outlets, key)
        if outlet is None:
            raise KeyError(f"{key!r} is not among the outlets of the task: {self._outlets!r}")
        return self._found.setdefault(outlet, OutletEvent(outlet))

    def __iter__(self) -> Iterator[BaseAsset]:
        return iter(self._outlets)

    def __len__(self) -> int:
        return len(self._outlets)


def among(given: Sequence[BaseAsset], key: Any) -> BaseAsset | None:
    """The one of `given` that `key` means: itself, or a text with its URI or name."""
    for one in given:
        if one == key or (isinstance(key, str) and key in (getattr(one, "uri", None), getattr(one, "name", None))):
            return one
        # What one names by name, the other may describe.
        if isinstance(key, Asset) and one in (AssetNameRef(key.name), AssetUriRef(key.uri)):
            return one
        if isinstance(one, Asset) and key in (AssetNameRef(one.name), AssetUriRef(one.uri)):
            return one
    return None


# --- events that the task reads -----------------------------------------------------------------------------------


class InletEventList(Sequence[AssetEvent]):
    """Events of one inlet, by time; asked for when they are looked at, and narrowed before that."""

    def __init__(self, of: BaseAsset, asked: Narrowed = Narrowed()) -> None:  # noqa: B008  it can't be changed
        self._of = of
        self._asked = asked
        self._events: list[AssetEvent] | None = None

    def after(self, after: dt.datetime | str) -> InletEventList:
        """Those at this moment or later."""
        return InletEventList(self._of, self._asked._replace(after=_moment(after)))

    def before(self, before: dt.datetime | str) -> InletEventList:
        """Those at this moment or earlier."""
        return InletEventList(self._of, self._asked._replace(before=_moment(before)))

    def ascending(self, ascending: bool = True) -> InletEventList:
        """The oldest first, which is so unless this says otherwise."""
        return InletEventList(self._of, self._asked._replace(ascending=ascending))

    def limit(self, limit: int) -> InletEventList:
        """The first so many of them."""
        return InletEventList(self._of, self._asked._replace(limit=limit))

    def _all(self) -> list[AssetEvent]:
        if self._events is None:
            self._events = current_runtime().asset_events(self._of.mention(), self._asked)
        return self._events

    @overload
    def __getitem__(self, index: int) -> AssetEvent: ...
    @overload
    def __getitem__(self, index: slice) -> list[AssetEvent]: ...
    def __getitem__(self, index: int | slice) -> AssetEvent | list[AssetEvent]:
        if self._events is None and isinstance(index, int) and index < 0 and self._asked == Narrowed():
            # Of a long history the last one is what most want to see.
            newest = self.ascending(False).limit(-index)._all()
            if len(newest) < -index:
                raise IndexError(f"{self._of!r} has {len(newest)} events")
            return newest[-1]
        return self._all()[index]

    def __len__(self) -> int:
        return len(self._all())


def _moment(value: dt.datetime | str) -> dt.datetime:
    found = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)


class InletEvents(Mapping[Any, InletEventList], _ByName[InletEventList]):
    """``inlet_events`` of the context, by inlet; or by its place among the inlets."""

    def __init__(self, inlets: Sequence[Any]) -> None:
        self._inlets = [one for one in inlets if isinstance(one, BaseAsset)]

    def __getitem__(self, key: Any) -> InletEventList:
        inlet = self._inlets[key] if isinstance(key, int) else among(self._inlets, key)
        if inlet is None:
            raise KeyError(f"{key!r} is not among the inlets of the task: {self._inlets!r}")
        return InletEventList(inlet)

    def __iter__(self) -> Iterator[BaseAsset]:
        return iter(self._inlets)

    def __len__(self) -> int:
        return len(self._inlets)


class TriggeringEvents(Mapping[Any, list[AssetEvent]], _ByName[list[AssetEvent]]):
    """``triggering_asset_events`` of the context: the events that the run was made by, by asset and by alias.

    Empty for a run that was made otherwise. With `by_uri` its keys are the URIs of assets.
    """

    def __init__(self, is_asked: bool, *, by_uri: bool = False) -> None:
        self._found: dict[Any, list[AssetEvent]] | None = None if is_asked else {}
        self._by_uri = by_uri

    def _all(self) -> dict[Any, list[AssetEvent]]:
        if self._found is None:
            found: dict[Any, list[AssetEvent]] = {}
            for event in current_runtime().triggering_events():
                found.setdefault(event.uri if self._by_uri else event.asset, []).append(event)
                for alias in () if self._by_uri else event.source_aliases:
                    found.setdefault(AssetAlias(alias), []).append(event)
            self._found = found
        return self._found

    def __getitem__(self, key: Any) -> list[AssetEvent]:
        found = self._all()
        if key in found:
            return found[key]
        text = key.name if isinstance(key, AssetNameRef) else key.uri if isinstance(key, AssetUriRef) else key
        known = among([one for one in found if isinstance(one, BaseAsset)], text)
        if known is None:
            raise KeyError(f"no event of {key!r} is among those that the run was made by")
        return found[cast("Any", known)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())
