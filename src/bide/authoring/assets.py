"""Assets: names for what tasks make, so that DAGs can run by it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast

from bide.authoring.asset_watchers import AssetWatcher as AssetWatcher
from bide.authoring.asset_watchers import checked_watchers
from bide.model.assets import AssetCondition, AssetMention, AssetSpec
from bide.model.errors import InvalidArgument

#: Characters of a name or URI.
_LONGEST: Final = 1500


def _check_text(value: Any, what: str) -> str:
    text = str(value) if not isinstance(value, str) and hasattr(value, "__fspath__") else value
    if not isinstance(text, str) or not text.strip():
        raise InvalidArgument(f"the {what} must be a text that is not blank, not {value!r}")
    if len(text) > _LONGEST or not text.isprintable():
        raise InvalidArgument(f"the {what} must be at most {_LONGEST} printable characters, not {value!r:.200}")
    return text


def _check_extra(of: str, extra: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        return json.loads(json.dumps(dict(extra or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{of}: extra must be a dict of JSON's types, not {extra!r:.200}: {error}") from error


class BaseAsset:
    """What a DAG can wait for: an asset, an alias, or any or all of several. Join them by ``|`` and ``&``."""

    def __or__(self, other: Any) -> AssetAny:
        return AssetAny(self, other) if isinstance(other, BaseAsset) else NotImplemented

    def __and__(self, other: Any) -> AssetAll:
        return AssetAll(self, other) if isinstance(other, BaseAsset) else NotImplemented

    def condition(self) -> AssetCondition:
        """What the engine stores of it."""
        return AssetCondition("one", self.mention())

    def mention(self) -> AssetMention:
        """Which assets it means."""
        raise InvalidArgument(f"{self!r} is no asset by itself")

    def iter_assets(self) -> Iterator[Asset]:
        """The assets in it that are described."""
        return iter(())


@dataclass(frozen=True)
class AssetAccessControl:
    """Whose DAGs may make and read an asset where several teams share one installation.

    Bide has no teams: this is kept with the asset, and nobody is kept out by it.
    """

    producer_teams: Sequence[str] = ()
    consumer_teams: Sequence[str] | None = None
    allow_global: bool = True

    def __post_init__(self) -> None:
        for team in (*self.producer_teams, *(self.consumer_teams or ())):
            if not isinstance(team, str) or not team.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidArgument(f"AssetAccessControl: a team is a text that is not blank, not {team!r}")


class Asset(BaseAsset):
    """Something that tasks make and that DAGs wait for: a table, a file, a folder.

    `name` and `uri` together tell it from others; one of them is enough, and stands for both. `extra` is for
    people, of JSON's types. Nothing is looked at behind the URI: an asset has an event when a task with it among
    its ``outlets`` succeeds, when one of its `watchers` finds something, or when somebody says so by API or
    command.
    """

    asset_type: ClassVar[str] = "asset"

    def __init__(
        self,
        name: str | None = None,
        uri: Any = None,
        *,
        group: str | None = None,
        extra: Mapping[str, Any] | None = None,
        watchers: Sequence[AssetWatcher] | None = None,
        access_control: AssetAccessControl | None = None,
    ) -> None:
        if name is None and uri is None:
            raise InvalidArgument("an asset needs a name or a uri")
        self.name = _check_text(uri if name is None else name, "name of an asset")
        self.uri = _check_text(name if uri is None else uri, "uri of an asset")
        self.group = _check_text(group or self.asset_type, "group of an asset")
        self.extra = _check_extra(f"asset {self.name!r}", extra)
        self.watchers = checked_watchers(f"asset {self.name!r}", watchers)
        self.access_control = access_control

    def mention(self) -> AssetMention:
        """This one."""
        return AssetMention("asset", self.name, self.uri)

    def iter_assets(self) -> Iterator[Asset]:
        """Itself."""
        yield self

    def spec(self) -> AssetSpec:
        """What the engine stores of it."""
        return AssetSpec(self.name, self.uri, self.group, self.extra)

    @staticmethod
    def ref(*, name: str = "", uri: str = "") -> AssetRef:
        """An asset that is described elsewhere, by its name or its URI."""
        if bool(name) == bool(uri):
            raise InvalidArgument("Asset.ref() takes either a name or a uri")
        return AssetNameRef(name) if name else AssetUriRef(uri)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asset) and (self.name, self.uri) == (other.name, other.uri)

    def __hash__(self) -> int:
        return hash((self.name, self.uri))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, uri={self.uri!r})"


class Dataset(Asset):
    """An asset, by its older name."""

    asset_type = "dataset"


class Model(Asset):
    """An asset that is a trained model."""

    asset_type = "model"


class AssetRef(BaseAsset):
    """An asset that is described elsewhere."""


class AssetNameRef(AssetRef):
    """The asset of a name."""

    def __init__(self, name: str) -> None:
        self.name = _check_text(name, "name of an asset")

    def mention(self) -> AssetMention:
        """All of that name."""
        return AssetMention("name", self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetNameRef) and self.name == other.name

    def __hash__(self) -> int:
        return hash((AssetNameRef, self.name))

    def __repr__(self) -> str:
        return f"Asset.ref(name={self.name!r})"


class AssetUriRef(AssetRef):
    """The asset of a URI."""

    def __init__(self, uri: str) -> None:
        self.uri = _check_text(uri, "uri of an asset")

    def mention(self) -> AssetMention:
        """All of that URI."""
        return AssetMention("uri", uri=self.uri)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetUriRef) and self.uri == other.uri

    def __hash__(self) -> int:
        return hash((AssetUriRef, self.uri))

    def __repr__(self) -> str:
        return f"Asset.ref(uri={self.uri!r})"


class AssetAlias(BaseAsset):
    """A name under which a task makes events of assets that it knows only when it runs.

    As an outlet it makes no event by itself: the task adds them by ``outlet_events[alias].add(asset)``. As a
    schedule it stands for all assets that were ever added by it.
    """

    def __init__(self, name: str, *, group: str = "asset") -> None:
        self.name = _check_text(name, "name of an asset alias")
        self.group = _check_text(group, "group of an asset alias")

    def mention(self) -> AssetMention:
        """All that are found by it."""
        return AssetMention("alias", self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetAlias) and self.name == other.name

    def __hash__(self) -> int:
        return hash((AssetAlias, self.name))

    def __repr__(self) -> str:
        return f"AssetAlias(name={self.name!r})"


#: An alias, by its older name.
DatasetAlias = AssetAlias


class _Several(BaseAsset):
    op: ClassVar[Any]

    def __init__(self, *objects: BaseAsset) -> None:
        name = type(self).__name__
        if not objects:
            raise InvalidArgument(f"{name} needs at least one asset")
        for one in objects:
            if not isinstance(one, BaseAsset):  # pyright: ignore[reportUnnecessaryIsInstance]  from authors
                raise InvalidArgument(f"{name} takes assets, not {one!r}")
        self.objects: list[BaseAsset] = [
            part
            for one in objects
            for part in (cast("_Several", one).objects if type(one) is type(self) else [one])
        ]

    def condition(self) -> AssetCondition:
        """What the engine stores of it."""
        return AssetCondition(self.op, parts=tuple(one.condition() for one in self.objects))

    def iter_assets(self) -> Iterator[Asset]:
        """All assets in it."""
        for one in self.objects:
            yield from one.iter_assets()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.objects == cast("_Several", other).objects

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.objects)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.objects))})"


class AssetAny(_Several):
    """An event of any of these: ``a | b``."""

    op = "any"


class AssetAll(_Several):
    """An event of each of these: ``a & b``. A list given as a schedule is this too."""

    op = "all"


def as_asset_schedule(schedule: object) -> BaseAsset | None:
    """The assets that `schedule` is, if it is nothing but assets: one, a condition, or a list, which means all."""
    if isinstance(schedule, BaseAsset):
        return schedule
    if not isinstance(schedule, list | tuple | set) or not schedule:
        return None
    given = list(cast("Iterable[Any]", schedule))
    if not all(isinstance(one, BaseAsset) for one in given):
        return None
    return given[0] if len(given) == 1 else AssetAll(*given)


def mentions_of(values: Iterable[object]) -> tuple[AssetMention, ...]:
    """What the engine stores of outlets or inlets. What is no asset is for the task alone."""
    return tuple(dict.fromkeys(one.mention() for one in values if isinstance(one, BaseAsset)))
