"""Which keyword arguments a function takes of those at hand, under the names that packages for Airflow use."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, Self

from bide.authoring.calling import accepted_arguments


class KeywordParameters:
    """The keyword arguments for one call: made by :meth:`determine`, read by :meth:`unpacking`."""

    def __init__(self, kwargs: Mapping[str, Any]) -> None:
        self._kwargs = dict(kwargs)

    @classmethod
    def determine(cls, func: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]) -> Self:
        """Of `kwargs` what `func` takes beside `args`: all if it has ``**kwargs``.

        Raises ValueError if `kwargs` has a name that `args` fill already.
        """
        parameters = list(inspect.signature(func).parameters.values())
        places = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
        for taken in places[: len(args)]:
            if taken.name in kwargs:
                raise ValueError(
                    f"{taken.name!r} is given twice, by position and by name: that name is the context's, so "
                    f"call the argument of {getattr(func, '__name__', func)!s} something else"
                )
        return cls(accepted_arguments(func, args, kwargs, {}))

    def unpacking(self) -> Mapping[str, Any]:
        """For ``func(*args, **arguments.unpacking())``."""
        return dict(self._kwargs)


def determine_kwargs(func: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What :meth:`KeywordParameters.determine` finds, as a dict."""
    return dict(KeywordParameters.determine(func, args, kwargs).unpacking())


def make_kwargs_callable(func: Callable[..., Any]) -> Callable[..., Any]:
    """`func` as a function that may be called with more keyword arguments than it takes."""

    def narrowed(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **determine_kwargs(func, args, kwargs))

    return narrowed
