"""What the instances of a mapped task have left, read as far as it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final, cast, overload

from bide.authoring.runtime import current_runtime

#: Values that are fetched at once.
_CHUNK: Final = 500


class LazyXComSequence(Sequence[Any]):
    """The values of a mapped task by map index, without those of instances that left none.

    It is read in parts as it is gone through; ``list(it)`` has all in memory.
    """

    #: What :func:`bide.model.values.encode` makes of it, wherever it stands.
    is_stored_as_list: ClassVar = True

    def __init__(self, task_id: str, key: str) -> None:
        self._task_id = task_id
        self._key = key
        self._length: int | None = None
        #: Values that were read last, and the place of the first of them.
        self._first = 0
        self._chunk: list[Any] = []

    def __len__(self) -> int:
        if self._length is None:
            self._length = current_runtime().count_mapped_xcoms(self._task_id, self._key)
        return self._length

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            places = range(*index.indices(len(self)))
            if places.step == 1:
                return self._read(places.start, len(places))
            return [self._at(place) for place in places]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"task {self._task_id!r} has left {len(self)} values; there is no number {index}")
        return self._at(place)

    def __iter__(self) -> Iterator[Any]:
        for place in range(len(self)):
            yield self._at(place)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | tuple | LazyXComSequence):
            return NotImplemented
        return list(self) == list(cast("Sequence[Any]", other))

    __hash__ = None  # type: ignore[assignment]  # like a list

    def __repr__(self) -> str:
        return f"LazyXComSequence([{len(self)} values of task {self._task_id!r}])"

    def _at(self, place: int) -> Any:
        if not self._first <= place < self._first + len(self._chunk):
            self._first, self._chunk = place, self._read(place, _CHUNK)
        return self._chunk[place - self._first]

    def _read(self, first: int, number: int) -> list[Any]:
        if number <= 0:
            return []
        return current_runtime().mapped_xcoms(self._task_id, self._key, first, number)
