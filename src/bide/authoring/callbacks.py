"""``on_failure_callback`` and its like, as authors give them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from bide.model.errors import InvalidArgument

Callback = Callable[[Any], Any]
#: One function of the context, several, or none.
Callbacks = Callback | Iterable[Callback] | None


def as_callbacks(value: Callbacks) -> list[Callback]:
    """The functions in `value`; :class:`InvalidArgument` for what can't be called."""
    if value is None:
        return []
    callbacks = (
        list(cast("Iterable[Any]", value)) if isinstance(value, list | tuple | set) else [cast("Any", value)]
    )
    for callback in callbacks:
        if not callable(callback):
            raise InvalidArgument(f"a callback must be a function of the context, not {callback!r}")
    return callbacks
