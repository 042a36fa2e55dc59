"""Assets as the engine knows them: what tasks make and read, and what DAGs wait for.

An asset is told from others by its name and its URI together. A *mention* names assets: one of them, those of an
alias, or all that have a name or a URI. A *condition* is what a DAG waits for: a mention, or any or all of several.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final, Literal, NamedTuple

import msgspec

#: What becomes of the events that a DAG waits for, by the name that authors write.
Policy = Literal["batch", "each", "latest"]
POLICIES: Final[tuple[Policy, ...]] = ("batch", "each", "latest")

MentionKind = Literal["asset", "alias", "name", "uri"]


class AssetSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """One asset, as a DAG file describes it."""

    name: str
    uri: str
    group: str = "asset"
    #: JSON values only.
    extra: dict[str, Any] = {}


class AssetMention(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which assets: ``asset`` has both `name` and `uri`, ``uri`` that alone, the other kinds `name` alone."""

    kind: MentionKind
    name: str = ""
    uri: str = ""

    def __str__(self) -> str:
        return self.uri if self.kind == "uri" else f"alias {self.name}" if self.kind == "alias" else self.name


class AssetCondition(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a DAG waits for: an event of what `mention` names, or any or all of `parts`."""

    op: Literal["one", "any", "all"]
    mention: AssetMention | None = None
    parts: tuple[AssetCondition, ...] = ()

    def mentions(self) -> Iterator[AssetMention]:
        """All that it names, each once."""
        return iter(dict.fromkeys(self._all()))

    def _all(self) -> Iterator[AssetMention]:
        if self.mention is not None:
            yield self.mention
        for part in self.parts:
            yield from part._all()

    def __str__(self) -> str:
        if self.mention is not None:
            return str(self.mention)
        return (" | " if self.op == "any" else " & ").join(
            f"({part})" if part.op not in ("one", self.op) else str(part) for part in self.parts
        )


class AssetFacts(NamedTuple):
    """An asset that has events, with the names of the aliases by which it is found."""

    uid: str
    name: str
    uri: str
    aliases: frozenset[str] = frozenset()

    def is_named_by(self, mention: AssetMention) -> bool:
        """Whether `mention` means this one."""
        match mention.kind:
            case "asset":
                return (mention.name, mention.uri) == (self.name, self.uri)
            case "name":
                return mention.name == self.name
            case "uri":
                return mention.uri == self.uri
            case "alias":
                return mention.name in self.aliases


def holds(condition: AssetCondition, there: Collection[AssetFacts]) -> bool:
    """Whether assets with these facts are enough, if each has an event."""
    if condition.mention is not None:
        mention = condition.mention
        return any(one.is_named_by(mention) for one in there)
    found = (holds(part, there) for part in condition.parts)
    return any(found) if condition.op == "any" else all(found)


def names_any(condition: AssetCondition, one: AssetFacts) -> bool:
    """Whether `condition` has to do with that asset at all."""
    return any(one.is_named_by(mention) for mention in condition.mentions())
