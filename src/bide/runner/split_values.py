"""Results of tasks, taken apart: each instance of a mapped task needs one element of a list that may be long."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final

from bide.model.value_elements import Elements, split

#: Results that are held, and how many bytes of them.
_HELD: Final = 16
_MOST_BYTES: Final = 64 * 2**20
_Place = tuple[str, str, str, str, str]


def length_of(value: object) -> int | None:
    """How many elements a value has that tasks can be expanded over; None for any other."""
    return len(value) if isinstance(value, list | tuple | dict) else None  # pyright: ignore[reportUnknownArgumentType]


class SplitValues:
    """The results that instances of mapped tasks in this process were made of, by where and when they were left."""

    def __init__(self) -> None:
        self._held: OrderedDict[_Place, tuple[Elements, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, place: _Place) -> Elements | None:
        """What is held of `place`."""
        with self._lock:
            found = self._held.get(place)
            if found is None:
                return None
            self._held.move_to_end(place)
            return found[0]

    def keep(self, place: _Place, value: bytes) -> Any:
        """The elements of the encoded `value`, which are held for the next instance."""
        found = split(value)
        with self._lock:
            if place not in self._held:
                self._held[place] = (found, len(value))
                self._bytes += len(value)
            while len(self._held) > 1 and (len(self._held) > _HELD or self._bytes > _MOST_BYTES):
                _, (_, size) = self._held.popitem(last=False)
                self._bytes -= size
        return found


SPLIT_VALUES: Final = SplitValues()
