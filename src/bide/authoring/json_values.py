"""JSON of values that have more than JSON has: moments, sets, classes; as XComs are stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bide.model.values import decode, encode


class XComEncoder(json.JSONEncoder):
    """For ``json.dumps(value, cls=XComEncoder)``. Raises :class:`~bide.model.errors.NotSerializable`."""

    def encode(self, o: Any) -> str:
        """The text."""
        return encode(o, what="the value").decode()

    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:
        """The text, in one piece."""
        yield self.encode(o)


class XComDecoder(json.JSONDecoder):
    """For ``json.loads(text, cls=XComDecoder)``. Raises :class:`~bide.model.errors.ValueRefused`."""

    def decode(self, s: str, _w: Any = None) -> Any:
        """The value."""
        return decode(s.encode())
