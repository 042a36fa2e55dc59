"""What tasks can be expanded over: lists and dicts of the DAG file, results of tasks, and what is made of those."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from bide.authoring.dependencies import Link
from bide.authoring.resolving import Resolvable
from bide.model.errors import InvalidArgument
from bide.model.mapping import Chosen, Element, Leaf, Zipped

if TYPE_CHECKING:
    from bide.authoring.context import Context
    from bide.authoring.operator import BaseOperator
    from bide.authoring.xcom_arg import XComArg
    from bide.model.map_spec import Source

#: Stands for "not given" where None can be meant.
NO_FILL: Final = object()


class Fetch(Protocol):
    """Gets one element of a task's result."""

    def __call__(self, source: XComArg, leaf: Leaf) -> Any:
        """The element of `source`, which is the leaf of that number, at that position."""
        ...


class Mappable(Resolvable, Link):
    """A sequence that is known only when tasks run. Its methods are those of every task's result."""

    @abstractmethod
    def source(self) -> Source:
        """What the engine has to know of it; :class:`InvalidArgument` if nothing can be expanded over it."""

    @abstractmethod
    def element(self, place: Element, fetch: Fetch) -> Any:
        """One element."""

    @abstractmethod
    def references(self) -> Iterator[XComArg]:
        """The results that it is made of."""

    def map(self, f: Callable[[Any], Any]) -> MappedValues:
        """The sequence of what `f` gives for each element; it is called in the task that gets the element.

        An instance whose `f` raises ``AirflowSkipException`` is skipped.
        """
        return MappedValues(self, f)

    def zip(self, *others: Mappable | Sequence[Any] | Mapping[Any, Any], fillvalue: Any = NO_FILL) -> ZippedValues:
        """Tuples of one element of each; as long as the shortest, or with `fillvalue` as the longest."""
        return ZippedValues([self, *others], fillvalue)

    def concat(self, *others: Mappable | Sequence[Any] | Mapping[Any, Any]) -> ConcatenatedValues:
        """All elements of this, then all of each other."""
        return ConcatenatedValues([self, *others])

    def first_tasks(self) -> Sequence[BaseOperator]:
        return self._tasks()

    def last_tasks(self) -> Sequence[BaseOperator]:
        return self._tasks()

    def _tasks(self) -> list[BaseOperator]:
        return list(dict.fromkeys(one.operator for one in self.references()))

    def __bool__(self) -> bool:
        return True


class Literal(Mappable):
    """A list or dict of the DAG file. The elements of a dict are its (key, value) pairs."""

    def __init__(self, values: Sequence[Any] | Mapping[Any, Any]) -> None:
        self.values: list[Any] = list(values.items()) if isinstance(values, Mapping) else list(values)

    def source(self) -> Source:
        """Its length."""
        from bide.model.map_spec import Source

        return Source("literal", length=len(self.values))

    def element(self, place: Element, fetch: Fetch) -> Any:
        """The element itself."""
        assert isinstance(place, Leaf)
        try:
            return self.values[place.position]
        except IndexError:
            raise InvalidArgument(
                f"the list of the DAG file has {len(self.values)} elements now, and this instance was made for "
                f"number {place.position}: clear the task to expand it anew"
            ) from None

    def references(self) -> Iterator[XComArg]:
        """Results among its elements: to wait for, not to expand over."""
        return xcom_args_in(self.values)

    def resolve(self, context: Context) -> Any:
        """The values."""
        return self.values


class MappedValues(Mappable):
    """``result.map(f)``."""

    def __init__(self, values: Mappable, function: Callable[[Any], Any]) -> None:
        if not callable(function) or hasattr(function, "override"):
            raise InvalidArgument(f"map() takes a plain function, not {function!r}")
        self.values = values
        self.function = function

    def source(self) -> Source:
        """As long as what it is made of."""
        return self.values.source()

    def element(self, place: Element, fetch: Fetch) -> Any:
        """What the function gives for the element."""
        return self._call(self.values.element(place, fetch))

    def references(self) -> Iterator[XComArg]:
        """Those of what it is made of."""
        return self.values.references()

    def resolve(self, context: Context) -> Any:
        """A list of all."""
        return [self._call(one) for one in elements_of(self.values.resolve(context))]

    def _call(self, value: Any) -> Any:
        try:
            return self.function(value)
        except Exception as error:
            error.add_note(f"while map() called {getattr(self.function, '__qualname__', self.function)!r}")
            raise

    def __repr__(self) -> str:
        return f"{self.values!r}.map({getattr(self.function, '__qualname__', self.function)})"


class _Joined(Mappable):
    """Of several sequences."""

    _name: str

    def __init__(self, parts: Sequence[Any]) -> None:
        if len(parts) < 2:
            raise InvalidArgument(f"{self._name}() needs at least one other sequence")
        self.parts = [as_mappable(part, f"{self._name}()") for part in parts]

    def references(self) -> Iterator[XComArg]:
        """Those of all parts."""
        for part in self.parts:
            yield from part.references()

    def __repr__(self) -> str:
        first, *others = self.parts
        return f"{first!r}.{self._name}({', '.join(repr(one) for one in others)})"


class ZippedValues(_Joined):
    """``result.zip(other)``."""

    _name = "zip"

    def __init__(self, parts: Sequence[Any], fillvalue: Any) -> None:
        super().__init__(parts)
        self.fillvalue = fillvalue

    def source(self) -> Source:
        """As long as its shortest part, or with a fill value as its longest."""
        from bide.model.map_spec import Source

        return Source(
            "zip", parts=tuple(part.source() for part in self.parts), longest=self.fillvalue is not NO_FILL
        )

    def element(self, place: Element, fetch: Fetch) -> Any:
        """A tuple."""
        assert isinstance(place, Zipped)
        return tuple(
            self.fillvalue if inner is None else part.element(inner, fetch)
            for part, inner in zip(self.parts, place.parts, strict=True)
        )

    def resolve(self, context: Context) -> Any:
        """A list of all tuples."""
        values = [elements_of(part.resolve(context)) for part in self.parts]
        if self.fillvalue is NO_FILL:
            return list(zip(*values, strict=False))
        return list(itertools.zip_longest(*values, fillvalue=self.fillvalue))


class ConcatenatedValues(_Joined):
    """``result.concat(other)``."""

    _name = "concat"

    def source(self) -> Source:
        """As long as its parts together."""
        from bide.model.map_spec import Source

        return Source("concat", parts=tuple(part.source() for part in self.parts))

    def element(self, place: Element, fetch: Fetch) -> Any:
        """An element of one part."""
        assert isinstance(place, Chosen)
        return self.parts[place.part].element(place.element, fetch)

    def resolve(self, context: Context) -> Any:
        """A list of all."""
        return [one for part in self.parts for one in elements_of(part.resolve(context))]


def is_sequence(value: object) -> bool:
    """Whether tasks can be expanded over a value: a list, another sequence that is no text, or a dict."""
    return isinstance(value, Sequence | Mapping) and not isinstance(value, str | bytes | bytearray)


def elements_of(value: Any) -> Sequence[Any]:
    """The elements of such a value: those of a dict are its (key, value) pairs."""
    if not is_sequence(value):
        raise InvalidArgument(f"{type(value).__name__} is neither a list nor a dict: {value!r:.200}")
    if isinstance(value, Mapping):
        return list(cast("Mapping[Any, Any]", value).items())
    return value


def as_mappable(value: object, what: str) -> Mappable:
    """`value` as something to expand over; :class:`InvalidArgument`, beginning with `what`, if that can't be."""
    if isinstance(value, Mappable):
        value.source()  # refuses by itself
        return value
    if is_sequence(value):
        return Literal(cast("Sequence[Any]", value))
    if isinstance(value, Resolvable):
        raise InvalidArgument(
            f"{what}: {value!r} can't be expanded over: it is one value, not a sequence of results"
        )
    raise InvalidArgument(
        f"{what}: {value!r:.200} ({type(value).__name__}) can't be expanded over; "
        "that takes a list, a dict or the result of a task"
    )


def xcom_args_in(value: object, _seen: set[int] | None = None) -> Iterator[XComArg]:
    """All :class:`XComArg` in `value`, deep in lists, tuples, dicts, sets and objects with ``template_fields``."""
    if isinstance(value, Mappable):
        yield from value.references()
        return
    if value is None or isinstance(value, str | int | float | bytes):
        return
    seen: set[int] = set() if _seen is None else _seen
    if id(value) in seen:
        return
    seen.add(id(value))
    for item in _parts(value):
        yield from xcom_args_in(item, seen)


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[object, object]", value).values()
    if isinstance(value, list | tuple | set | frozenset):
        return cast("Iterable[object]", value)
    fields: Any = getattr(type(value), "template_fields", ())
    if isinstance(fields, list | tuple | set | frozenset):
        return [getattr(value, field, None) for field in cast("Iterable[str]", fields)]
    return ()
