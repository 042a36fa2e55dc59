"""New row ids: UUIDv7, so that rows made together lie together in the index.

Ids of one process grow in the order in which they are made, also within a millisecond (RFC 9562, section 6.2,
method 2): sorting by id is sorting by age.
"""

from __future__ import annotations

import os
import threading
from datetime import datetime
from typing import Final

from bide.model.ids import uuid7

#: Random bits of a UUIDv7, and by how much (in bits) an id of the same millisecond may grow.
_BITS: Final = 74
_STEP_BITS: Final = 32


class _Source:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._milliseconds = 0
        self._random = 0

    def next(self, milliseconds: int) -> str:
        with self._lock:
            # A clock that was set back does not make ids smaller.
            if milliseconds > self._milliseconds:
                self._milliseconds = milliseconds
                self._random = int.from_bytes(os.urandom(10)) >> (80 - _BITS)
            else:
                self._random += 1 + int.from_bytes(os.urandom(_STEP_BITS // 8))
                if self._random >> _BITS:
                    self._milliseconds += 1
                    self._random &= (1 << _BITS) - 1
            return uuid7(self._milliseconds, self._random.to_bytes(10))


_source = _Source()


def new_id(now: datetime) -> str:
    """A fresh id stamped with `now`."""
    return _source.next(int(now.timestamp() * 1000))
