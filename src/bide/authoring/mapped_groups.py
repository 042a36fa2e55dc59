"""Task groups that are expanded: all of their tasks have an instance per element."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from bide.authoring.expansion import ExpandedOver, literal_names, over_arguments, over_dicts
from bide.authoring.group import TaskGroup
from bide.authoring.resolving import Resolvable
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    from bide.authoring.context import Context


class MappedArgument(Resolvable):
    """Stands for the element that an instance gets, in the function of a mapped group."""

    def __init__(self, over: ExpandedOver, name: str, function: str) -> None:
        self._over = over
        self._name = name
        self._function = function

    def resolve(self, context: Context) -> Any:
        """The element of the instance of `context`."""
        given = self._over.given(context).arguments
        if self._name not in given:
            raise InvalidArgument(f"task group {self._function!r}: expand_kwargs() has not given {self._name!r}")
        return given[self._name]

    def __iter__(self) -> NoReturn:
        raise self._unknown("iterated or unpacked")

    def __bool__(self) -> bool:
        raise self._unknown("tested")

    def __format__(self, spec: str) -> str:
        raise self._unknown("put into a string")

    def __repr__(self) -> str:
        return f"MappedArgument({self._name!r} of task group {self._function!r})"

    def _unknown(self, what: str) -> TypeError:
        return TypeError(
            f"{self._name!r} of the mapped task group {self._function!r} is not known while the DAG file is read, "
            f"so it can't be {what} here; do that in a task that takes it as an argument"
        )


class GroupPartial:
    """A group's function with some of its arguments; :meth:`expand` makes the group."""

    def __init__(
        self, function: Callable[..., Any], options: Callable[[], dict[str, Any]], arguments: dict[str, Any]
    ) -> None:
        self._function = function
        self._options = options
        self._arguments = arguments
        self._of = f"task group {function.__name__!r}"
        self._check(arguments, is_all=False)

    def expand(self, **mapped: Any) -> Any:
        """A group whose tasks have an instance for each combination of elements of lists, dicts or results.

        The last argument varies fastest. The answer is what the function returns, or the group.
        """
        for name in mapped:
            if name in self._arguments:
                raise InvalidArgument(f"{self._of}: partial() and expand() both give {name!r}")
        over = over_arguments(mapped, self._of)
        self._check({**self._arguments, **mapped}, is_all=False)  # names first: a wrong one leaves another out
        self._check({**self._arguments, **mapped}, is_all=True)
        return self._expanded(over, list(mapped))

    def expand_kwargs(self, kwargs: Any) -> Any:
        """A group whose tasks have an instance for each dict of arguments in a list, or in the result of a task."""
        over = over_dicts(kwargs, self._of)
        known = literal_names(over)
        for name in known & self._arguments.keys():
            raise InvalidArgument(f"{self._of}: partial() and expand_kwargs() both give {name!r}")
        self._check({**self._arguments, **dict.fromkeys(known)}, is_all=False)
        parameters = inspect.signature(self._function).parameters.values()
        names = [one.name for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
        return self._expanded(over, sorted({*names, *known} - self._arguments.keys(), key=[*names, *known].index))

    def _expanded(self, over: ExpandedOver, names: list[str]) -> Any:
        of = self._function.__name__
        with TaskGroup(**self._options()) as group:
            if group.parent_group is not None and group.parent_group.closest_mapped() is not None:
                raise InvalidArgument(f"{self._of} can't be expanded: it is in a mapped task group already")
            group.expanded_over = over
            result = self._function(**self._arguments, **{name: MappedArgument(over, name, of) for name in names})
        for source in over.references():
            group.set_upstream(source)
        return group if result is None else result

    def _check(self, given: Mapping[str, Any], *, is_all: bool) -> None:
        signature = inspect.signature(self._function)
        try:
            (signature.bind if is_all else signature.bind_partial)(**given)
        except TypeError as error:
            name = self._function.__name__
            raise InvalidArgument(f"{self._of}: {name}{signature} can't be called like this: {error}") from None
