"""Dynamic task mapping: from the lengths of what a task is expanded over to its instances, and back.

What a task is expanded over is a tree: its leaves are lists of the DAG file and results of other tasks, of which
the engine knows nothing but how long they are. *Lengths* below are those of all leaves, in the order in which they
stand. An instance's `map_index` says which element of each argument it gets; the last argument varies fastest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    from bide.model.map_spec import MapSpec, Source

#: Instances that one task may be expanded into: a product of lists grows sooner than one thinks.
MAX_INSTANCES: Final = 1_000_000


class Leaf(NamedTuple):
    """An element of a leaf: the number of the leaf, and the place in it."""

    number: int
    position: int


class Zipped(NamedTuple):
    """An element of a zip: where its parts are; None for one that has run out and is filled."""

    parts: tuple[Element | None, ...]


class Chosen(NamedTuple):
    """An element of a concatenation: which part it is from, and where it is there."""

    part: int
    element: Element


Element = Leaf | Zipped | Chosen


def leaves(spec: MapSpec) -> list[Source]:
    """The leaves of `spec`, in the order of their lengths."""
    return [leaf for _, source in spec.arguments for leaf in leaves_of(source)]


def leaves_of(source: Source) -> Iterator[Source]:
    """The leaves of one source."""
    if source.parts:
        for part in source.parts:
            yield from leaves_of(part)
    else:
        yield source


def source_tasks(spec: MapSpec) -> set[str]:
    """The tasks whose results decide how many instances there are."""
    return {leaf.task_id for leaf in leaves(spec) if leaf.kind == "xcom"}


def literal_lengths(spec: MapSpec) -> list[int] | None:
    """The lengths, if they are known before anything has run."""
    found = leaves(spec)
    return [leaf.length for leaf in found] if all(leaf.kind == "literal" for leaf in found) else None


def count(spec: MapSpec, lengths: Sequence[int]) -> int:
    """How many instances there are.

    Raises :class:`InvalidArgument` if they are more than :data:`MAX_INSTANCES`.
    """
    total = 1
    for _, length in _measured(spec, lengths):
        total *= length
    if total > MAX_INSTANCES:
        parts = " * ".join(f"{length}" for _, length in _measured(spec, lengths))
        raise InvalidArgument(
            f"it would be expanded into {parts} = {total} instances; {MAX_INSTANCES} are the most"
        )
    return total


def elements(spec: MapSpec, lengths: Sequence[int], map_index: int) -> list[Element]:
    """Where each argument of the instance `map_index` takes its value from."""
    rest = map_index
    positions: list[int] = []
    for _, length in reversed(list(_measured(spec, lengths))):
        rest, position = divmod(rest, length)
        positions.append(position)
    if rest:
        raise IndexError(f"map index {map_index} is not one of {count(spec, lengths)}")
    found: list[Element] = []
    first = 0
    for (_, source), position in zip(spec.arguments, reversed(positions), strict=True):
        found.append(_locate(source, lengths, first, position))
        first += sum(1 for _ in leaves_of(source))
    return found


def _measured(spec: MapSpec, lengths: Sequence[int]) -> Iterator[tuple[Source, int]]:
    """Each argument's source with its length."""
    first = 0
    for _, source in spec.arguments:
        yield source, _length(source, lengths, first)
        first += sum(1 for _ in leaves_of(source))


def _parts(source: Source, first: int) -> Iterator[tuple[Source, int]]:
    """The parts of a source, each with the number of its first leaf."""
    for part in source.parts:
        yield part, first
        first += sum(1 for _ in leaves_of(part))


def _length(source: Source, lengths: Sequence[int], first: int) -> int:
    if not source.parts:
        return lengths[first]
    of_parts = [_length(part, lengths, number) for part, number in _parts(source, first)]
    if source.kind == "concat":
        return sum(of_parts)
    return max(of_parts) if source.longest else min(of_parts)


def _locate(source: Source, lengths: Sequence[int], first: int, position: int) -> Element:
    if not source.parts:
        return Leaf(first, position)
    if source.kind == "zip":
        return Zipped(
            tuple(
                _locate(part, lengths, number, position) if position < _length(part, lengths, number) else None
                for part, number in _parts(source, first)
            )
        )
    for place, (part, number) in enumerate(_parts(source, first)):
        length = _length(part, lengths, number)
        if position < length:
            return Chosen(place, _locate(part, lengths, number, position))
        position -= length
    raise IndexError(f"position {position} is behind the end")
