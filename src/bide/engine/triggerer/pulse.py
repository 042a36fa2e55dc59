"""Whether a runner's event loop turns, told from its answers to pings."""

from __future__ import annotations


class Pulse:
    """One runner's pings. At most one is unanswered. Moments are monotonic seconds, given by the caller."""

    def __init__(self) -> None:
        #: When the last ping was sent.
        self.asked_at = float("-inf")
        #: How often, for how long at most, and when last the loop did not turn.
        self.blocks = 0
        self.longest_block = 0.0
        self.blocked_at = float("-inf")
        #: Seconds without a sign of life before the last answer.
        self.last_gap = 0.0
        self._number = 0
        self._waiting = False
        self._last_sign = float("-inf")
        self._longest_gap = 0.0

    def ping(self, now: float) -> int | None:
        """The number of a new ping, or None while one is unanswered."""
        if self._waiting:
            return None
        self._number += 1
        self._waiting = True
        self._longest_gap = 0.0
        self.asked_at = now
        return self._number

    def frame(self, now: float) -> None:
        """Something came, which shows that the loop turned."""
        if self._waiting:
            self._longest_gap = max(self._longest_gap, now - max(self.asked_at, self._last_sign))
        self._last_sign = now

    def pong(self, number: int, now: float) -> float:
        """The answer to ping `number` came: the longest time since that for which there was no sign of life.

        Frames that were sent before the answer are such signs, so that a burst of them is no block.
        """
        if number != self._number or not self._waiting:
            return 0.0
        self.frame(now)
        self._waiting = False
        self.last_gap = self._longest_gap
        return self.last_gap

    @property
    def answered(self) -> bool:
        """Whether no answer is outstanding."""
        return not self._waiting

    def unanswered(self, now: float) -> float:
        """Seconds without a sign of life since the unanswered ping; 0 if there is none.

        An answer behind a long queue of other frames is late, but the loop that sends them turns.
        """
        return max(now - max(self.asked_at, self._last_sign), 0.0) if self._waiting else 0.0

    def excuse(self, seconds: float) -> None:
        """Don't count `seconds` in which the engine itself did not listen (suspended, or its own loop stuck)."""
        if self._waiting:
            self.asked_at = max(self.asked_at, self._last_sign) + seconds

    def note_block(self, seconds: float, now: float) -> None:
        """A block of `seconds` has just ended."""
        self.blocks += 1
        self.longest_block = max(self.longest_block, seconds)
        self.blocked_at = now
