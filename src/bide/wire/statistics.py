"""What a triggerer tells of itself."""

from __future__ import annotations

import msgspec


class LookTimes(msgspec.Struct, frozen=True):
    """How looks of polls went since the processes began that make them. Seconds."""

    looks: int = 0
    #: Those that began more than a second after their time.
    late: int = 0
    longest_lag: float = 0.0
    #: Spent in looks, all together.
    seconds: float = 0.0

    def __add__(self, other: LookTimes) -> LookTimes:
        return LookTimes(
            self.looks + other.looks,
            self.late + other.late,
            max(self.longest_lag, other.longest_lag),
            self.seconds + other.seconds,
        )


class TriggererStatistics(msgspec.Struct, frozen=True):
    """One triggerer, as far as it can be asked."""

    name: str
    #: None for all.
    queues: list[str] | None = None
    #: The only run that it serves; None for all.
    only_run: str | None = None
    #: Waits that it holds; None if it can't be asked, since it runs on another host.
    holding: int | None = None
    #: What it holds at most; None for no limit.
    capacity: int | None = None
    #: Class paths of triggers that have blocked the event loop.
    quarantined: list[str] = []
    looks: LookTimes = LookTimes()

    @property
    def is_full(self) -> bool:
        """Whether it takes no more waits."""
        return self.holding is not None and self.capacity is not None and self.holding >= self.capacity
