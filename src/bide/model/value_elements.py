"""Stored lists and dicts, taken apart without reading all that is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, overload

import msgspec

from bide.model.errors import ProtocolError
from bide.model.sealed import refuse_sealed
from bide.model.values import decode, encode

_lists = msgspec.json.Decoder(list[msgspec.Raw])
_dicts = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Elements(Sequence[Any]):
    """Elements of a stored value; each is made anew when it is asked for, so that none is shared."""

    def __init__(self, parts: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Each part is an encoded value, or key and value of a dict."""
        self._parts = parts

    def __len__(self) -> int:
        return len(self._parts)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        first, second = self._parts[index]
        return decode(first) if second is None else (decode(first), decode(second))


def split(data: bytes) -> Elements:
    """The elements of a stored list or tuple; of a dict its (key, value) pairs.

    Raises :class:`KeyMissing` if the store could not open it, and :class:`ProtocolError` for what has no elements.
    """
    refuse_sealed(data)
    try:
        if data[:1] == b"[":
            return Elements([(bytes(one), None) for one in _lists.decode(data)])
        found = _dicts.decode(data)
        if "__bide__" not in found:
            return Elements([(msgspec.json.encode(key), bytes(value)) for key, value in found.items()])
        kind, *content = _lists.decode(found["__bide__"])
        if bytes(kind) == b'"tuple"':
            return Elements([(bytes(one), None) for one in _lists.decode(content[0])])
        if bytes(kind) == b'"dict"':
            pairs = msgspec.json.decode(content[0], type=list[tuple[msgspec.Raw, msgspec.Raw]])
            return Elements([(bytes(key), bytes(value)) for key, value in pairs])
    except (msgspec.DecodeError, IndexError) as error:
        raise ProtocolError(f"a stored value can't be taken apart: {error}") from error
    return _of_object(data)


def _of_object(data: bytes) -> Elements:
    """A named tuple, or another object of a class, which has elements once it is built."""
    found = decode(data)
    if isinstance(found, Mapping):
        pairs = cast("Mapping[Any, Any]", found).items()
        return Elements([(encode(key, what="a key"), encode(value, what="an element")) for key, value in pairs])
    if isinstance(found, Sequence) and not isinstance(found, str | bytes | bytearray):
        return Elements([(encode(value, what="an element"), None) for value in cast("Sequence[Any]", found)])
    raise ProtocolError(f"a stored {type(found).__name__} has no elements")
