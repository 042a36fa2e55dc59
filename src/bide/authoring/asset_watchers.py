"""Watchers: triggers whose events are events of an asset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bide.authoring.trigger import BaseTrigger, trigger_kind
from bide.model.errors import InvalidArgument

#: Characters of a name.
_LONGEST: Final = 250


class AssetWatcher:
    """Makes an event of its asset of each event that `trigger` yields, for as long as a DAG has the asset.

    `trigger` is a stream, such as a consumer of a queue, or a poll. It goes on after an event, and an event is
    stored before it does. Events with a `key` are stored once, however often the trigger yields them.
    `name` tells it from the other watchers of its asset.
    """

    def __init__(self, name: str, trigger: BaseTrigger) -> None:
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST or not name.isprintable():  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(
                f"the name of a watcher must be 1 to {_LONGEST} printable characters, not {name!r}"
            )
        if not isinstance(trigger, BaseTrigger):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"watcher {name!r} needs a trigger to watch with, not {trigger!r}")
        self.name = name
        self.trigger = trigger

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, trigger={type(self.trigger).__name__})"


def checked_watchers(of: str, watchers: Sequence[Any] | None) -> list[AssetWatcher]:
    """The watchers of one asset. Raises :class:`InvalidArgument`."""
    found: list[AssetWatcher] = []
    for one in watchers or ():
        if not isinstance(one, AssetWatcher):
            raise InvalidArgument(f"{of}: watchers must be AssetWatchers, not {one!r:.200}")
        if any(one.name == other.name for other in found):
            raise InvalidArgument(f"{of} has two watchers called {one.name!r}: give each a name of its own")
        check_watches(of, one)
        found.append(one)
    return found


def check_watches(of: str, watcher: AssetWatcher) -> None:
    """Raise :class:`InvalidArgument` for a trigger that has one event and no more."""
    cls = type(watcher.trigger)
    kind = trigger_kind(cls)
    if kind not in ("poll", "stream"):
        raise InvalidArgument(
            f"{of}: watcher {watcher.name!r} has a {cls.__name__}, which is a {kind} and has one event; watch with "
            "a poll or a stream, such as EveryTrigger for times"
        )
