"""Writing to a store that may be locked or full for a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from bide.model.errors import StoreUnavailable

_log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds between two attempts: the first, doubled up to the last.
_FIRST_PAUSE: Final = 0.1
_LAST_PAUSE: Final = 5.0


async def persistently(call: Callable[[], Awaitable[T]], what: str) -> T:
    """The result of `call()`, repeated while the store is unavailable; `what` it does is for the log."""
    pause = _FIRST_PAUSE
    while True:
        try:
            return await call()
        except StoreUnavailable as error:
            _log.warning("can't %s: %s; trying again in %.1f s", what, error, pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LAST_PAUSE)
