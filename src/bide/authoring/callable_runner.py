"""Calling a function that may yield :class:`~bide.authoring.asset_events.Metadata` about its outlets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from types import GeneratorType
from typing import TYPE_CHECKING, Any, cast

from bide.authoring.asset_events import Metadata
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    import logging

    from bide.authoring.asset_events import OutletEvent


def take_metadata(name: str, result: Any, events: Mapping[Any, OutletEvent]) -> Any:
    """Run a generator of the function `name`, and note what it yields; what the function returns.

    Raises :class:`InvalidArgument` for a generator that yields anything else.
    """
    if not isinstance(result, GeneratorType):
        raise InvalidArgument(f"{name}() is async and has a yield; set outlet_events[asset].extra instead")
    running = cast("Generator[Any, None, Any]", result)
    while True:
        try:
            one = next(running)
        except StopIteration as end:
            return end.value
        if not isinstance(one, Metadata):
            raise InvalidArgument(
                f"{name}() yields {one!r:.200}, which is no Metadata of an outlet: "
                "collect what it yields in a list, and return that"
            )
        one.add_to(events)


class CallableRunner:
    """Calls a function, and notes the :class:`Metadata` that it yields, if it does."""

    def __init__(
        self,
        func: Callable[..., Any],
        outlet_events: Mapping[Any, OutletEvent],
        *,
        logger: logging.Logger | None = None,
    ) -> None:
        self.func = func
        self.outlet_events = outlet_events

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns; of an async one a coroutine."""
        result = self.func(*args, **kwargs)
        if inspect.isgeneratorfunction(self.func):
            return take_metadata(self.func.__name__, result, self.outlet_events)
        return result


class AsyncCallableRunner(CallableRunner):
    """Awaits a function, and notes the :class:`Metadata` that it yields, if it does."""

    async def run(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns."""
        result = self.func(*args, **kwargs)
        if inspect.isasyncgen(result):
            async for one in cast("Any", result):
                if not isinstance(one, Metadata):
                    raise InvalidArgument(f"{self.func.__name__}() yields {one!r:.200}, which is no Metadata")
                one.add_to(self.outlet_events)
            return None
        return await result


def outlet_events_of(context: Mapping[str, Any]) -> Any:
    """``outlet_events`` of a context; empty outside of a task."""
    return context.get("outlet_events") or {}
