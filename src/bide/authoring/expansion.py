"""What a task or a task group is expanded over, and what each of its instances gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from bide.authoring.resolving import Resolvable
from bide.authoring.runtime import current_runtime
from bide.authoring.sequences import Literal, Mappable, as_mappable
from bide.model.errors import InvalidArgument
from bide.model.mapping import Leaf, count, elements, literal_lengths

if TYPE_CHECKING:
    from bide.authoring.context import Context
    from bide.authoring.xcom_arg import XComArg
    from bide.model.map_spec import MapSpec


class Extent(NamedTuple):
    """How much a task was expanded over when that was done; of each list and result, in their order."""

    lengths: Sequence[int]
    #: How many instances the task has whose results these are; None if it is not mapped.
    instances: Sequence[int | None]
    #: Tells a result apart from one that was there before.
    stamps: Sequence[str]

    def fetch(self, source: XComArg, leaf: Leaf) -> Any:
        """An element of a result."""
        runtime, task_id, key = current_runtime(), source.operator.task_id, source.key
        of = self.instances[leaf.number]
        if of is None:
            return runtime.xcom_element(task_id, key, leaf.position, stamp=self.stamps[leaf.number])
        if of == self.lengths[leaf.number]:  # all instances have left something, so that places are map indexes
            found = [one.value for one in runtime.pull_xcoms([task_id], key, map_indexes=[leaf.position])]
        else:
            found = runtime.mapped_xcoms(task_id, key, leaf.position, 1)
        if not found:
            raise InvalidArgument(
                f"task {task_id!r} has left less than when this was expanded: there is no number {leaf.position} "
                "any more; clear this task to expand it anew"
            )
        return found[0]


class Given(NamedTuple):
    """What an instance gets."""

    arguments: dict[str, Any]
    #: Results of tasks among them, in which no templates are filled.
    results: list[Any]


class ExpandedOver:
    """The arguments of ``expand()``, or the one of ``expand_kwargs()``."""

    def __init__(self, arguments: Mapping[str, Mappable], *, of_dicts: bool = False) -> None:
        self.arguments = dict(arguments)
        self.of_dicts = of_dicts

    def spec(self) -> MapSpec:
        """What the engine has to know."""
        from bide.model.map_spec import MapSpec

        found = MapSpec(
            tuple((name, source.source()) for name, source in self.arguments.items()), of_dicts=self.of_dicts
        )
        lengths = literal_lengths(found)
        if lengths is not None:
            count(found, lengths)  # refuses what is far too many
        return found

    def references(self) -> Iterator[XComArg]:
        """The results in it."""
        for source in self.arguments.values():
            yield from source.references()

    def given(self, context: Context) -> Given:
        """What the instance of `context` gets."""
        instance = context["ti"]
        extent: Extent | None = instance.extent
        if extent is None:
            raise InvalidArgument(
                f"task {instance.task_id!r} is mapped in the DAG file, and was not when this run was made: "
                "clear it with the newest version of the DAG"
            )
        spec = self.spec()
        places = elements(spec, extent.lengths, instance.map_index)
        given = Given({}, [])
        for (name, source), place in zip(self.arguments.items(), places, strict=True):
            value = source.element(place, extent.fetch)
            if self.of_dicts:
                value = _keywords(value.resolve(context) if isinstance(value, Resolvable) else value)
            given.arguments.update(value if self.of_dicts else {name: value})
            if not isinstance(source, Literal):
                given.results.extend(value.values() if self.of_dicts else [value])
        return given


def over_arguments(values: Mapping[str, Any], of: str) -> ExpandedOver:
    """For ``expand(**values)``; `of` begins messages."""
    if not values:
        raise InvalidArgument(f"{of}: expand() needs an argument to expand over")
    return ExpandedOver({name: as_mappable(value, f"{of}: expand({name}=)") for name, value in values.items()})


def over_dicts(value: Any, of: str) -> ExpandedOver:
    """For ``expand_kwargs(value)``; `of` begins messages."""
    if isinstance(value, Mapping):
        raise InvalidArgument(
            f"{of}: expand_kwargs() takes a list of dicts, not one dict; expand() takes lists by name"
        )
    source = as_mappable(value, f"{of}: expand_kwargs()")
    for one in source.values if isinstance(source, Literal) else ():
        if not isinstance(one, Resolvable):
            _keywords(one, f"{of}: ")
    return ExpandedOver({"": source}, of_dicts=True)


def literal_names(over: ExpandedOver) -> set[str]:
    """Names of arguments that are known to be given."""
    if not over.of_dicts:
        return set(over.arguments)
    source = over.arguments[""]
    rows = source.values if isinstance(source, Literal) else []
    return {name for row in rows if isinstance(row, Mapping) for name in cast("Mapping[str, Any]", row)}


def _keywords(value: Any, of: str = "") -> dict[str, Any]:
    found = cast("Mapping[Any, Any]", value)
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in found):
        raise InvalidArgument(
            f"{of}expand_kwargs() takes dicts with names of arguments as keys, not {value!r:.200}"
        )
    return dict(cast("Mapping[str, Any]", value))
