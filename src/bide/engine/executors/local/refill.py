"""When to ask for more claims."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bide.engine.executors.local.waking import Waker

#: Share of the slots: with fewer claims than that in store, more are asked for at once.
_FEW_LEFT: Final = 0.25
#: Seconds after which they are at the latest.
_MOMENT: Final = 0.05


class Refill:
    """Asks at once if few claims are left, else for all slots together that become free within a moment.

    Each question costs about as much as a short task, however many claims it brings.
    """

    def __init__(self, ask: Callable[[], None], *, slots: int) -> None:
        self._few = slots * _FEW_LEFT
        self._waker = Waker(ask)

    def slot_is_free(self, *, left: int) -> None:
        """A slot has become free, and so many claims still wait for a worker."""
        if left <= self._few:
            self._waker.soon()
        else:
            self._waker.later(_MOMENT)

    def close(self) -> None:
        """No more claims are wanted."""
        self._waker.close()
