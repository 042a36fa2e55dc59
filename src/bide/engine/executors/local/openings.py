"""Workers that can begin a task at once, promised to transactions on other threads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from bide.control.queue_tasks import Openings
from bide.wire.messages import RunTask


class OpenWorkers:
    """What the executor offers, what transactions have taken of it, and what they have promised to tasks.

    The executor offers on its event loop; the rest may be called on any thread.
    """

    def __init__(self, look_again: Callable[[], None]) -> None:
        """`look_again` is called, on any thread, when an offer was not used and a newer one knows nothing of it."""
        self._look_again = look_again
        self._lock = threading.Lock()
        self._offered: Counter[str | None] = Counter()
        self._busy: Collection[str] = ()
        #: Grows with each offer.
        self._number = 0
        self._taken: Counter[str | None] = Counter()
        #: Which worker each instance was promised, as the key under which it was offered.
        self._promised: dict[str, str | None] = {}

    def withdraw(self) -> Counter[str | None]:
        """Nothing can be taken until the next offer; the answer has the workers that are taken or promised."""
        with self._lock:
            self._number += 1
            self._offered = Counter()
            return self._taken + Counter(self._promised.values()) if self._taken or self._promised else Counter()

    def offer(self, workers: Mapping[str | None, int], busy: Collection[str]) -> None:
        """Offer so many workers by DAG file (None: any), and not for `busy` instances."""
        with self._lock:
            self._offered = Counter({file: number for file, number in workers.items() if number})
            self._busy = busy

    def take(self) -> tuple[Openings, int]:
        """All that is offered, until :meth:`settle`, and the number of the offer."""
        with self._lock:
            taken, self._offered = self._offered, Counter()
            self._taken += taken
            return Openings(taken, {*self._busy, *self._promised}), self._number

    def settle(self, openings: Openings, number: int, orders: Sequence[RunTask]) -> None:
        """Of what was taken, promise what `orders` need; the rest is free again."""
        left = Counter(openings.workers)
        with self._lock:
            self._taken -= left
            for order in orders:
                key = order.dag_file if left[order.dag_file] else None
                left[key] -= 1
                self._promised[order.instance.id] = key
            is_newest = number == self._number
            if is_newest:
                self._offered += left
        if not is_newest and left.total():
            self._look_again()

    def keep(self, orders: Sequence[RunTask]) -> None:
        """The promises to these are kept."""
        with self._lock:
            for order in orders:
                self._promised.pop(order.instance.id, None)

    def break_off(self, orders: Sequence[RunTask]) -> None:
        """The promises to these have come to nothing."""
        self.keep(orders)
        self._look_again()

    @property
    def is_promised(self) -> bool:
        """Whether any worker is taken or promised."""
        with self._lock:
            return bool(self._promised) or self._taken.total() > 0
