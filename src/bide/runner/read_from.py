"""Where the reading of a shared stream begins, and from where on it has been read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bide.model.values import decode
from bide.runner.held_trigger import Held


@dataclass(frozen=True, slots=True)
class ReadFrom:
    """The earliest of some positions and a moment (Unix seconds)."""

    positions: tuple[Any, ...] = ()
    since: float | None = None
    #: When the latest of the checkpoints was saved that `positions` come from; 0 if none does.
    saved_at: float = 0.0

    @property
    def is_given(self) -> bool:
        """Whether it says anything."""
        return bool(self.positions) or self.since is not None

    @property
    def since_moment(self) -> dt.datetime | None:
        """`since`, as consumers take it."""
        return None if self.since is None else dt.datetime.fromtimestamp(max(self.since, 0.0), dt.UTC)

    def or_earlier(self, other: ReadFrom) -> ReadFrom:
        """The earliest of what both say."""
        moments = [one for one in (self.since, other.since) if one is not None]
        return ReadFrom(
            self.positions + tuple(one for one in other.positions if one not in self.positions),
            min(moments, default=None),
            max(self.saved_at, other.saved_at),
        )


def start_of(held: Iterable[Held], since: Mapping[Held, float]) -> ReadFrom:
    """Where to begin so that none of `held` misses a message; `since`: from when on messages count for each.

    A wait that a checkpoint covers goes on there, the others begin at their moment.
    """
    positions: dict[bytes, Any] = {}
    saved_at = 0.0
    moments: list[float] = []
    for one in held:
        known = one.load.checkpoint
        if known is not None and one.load.armed_at <= known.covers:
            if known.value not in positions:
                positions[known.value] = decode(known.value)
            saved_at = max(saved_at, known.saved_at)
        else:
            moments.append(since[one])
    return ReadFrom(tuple(positions.values()), min(moments, default=None), saved_at)


class Reading:
    """What has been read of a stream so far, and is still at hand."""

    def __init__(self) -> None:
        self.began = False
        #: Where the last consumer was; None if its broker keeps that.
        self.position: Any = None
        self._start = ReadFrom()
        #: All messages that came at this moment or later are at hand.
        self._since = float("inf")
        #: Nothing has been forgotten that was read since `_start`.
        self._from_start = True

    def begin(self, start: ReadFrom) -> None:
        """Reading begins at `start`."""
        if not self.began or start.since is not None or start.saved_at > 0:
            self._start = start
            self._from_start = True
            self._since = start.saved_at if start.since is None else start.since
        self.began = True

    def go_on(self) -> ReadFrom:
        """Where the next consumer begins."""
        return ReadFrom((self.position,)) if self.position is not None else self._start

    def forget(self, received_at: float) -> None:
        """A message that came at this moment is no longer at hand."""
        self._from_start = False
        self._since = max(self._since, received_at)

    def has_all(self, wanted: ReadFrom) -> bool:
        """Whether all messages from `wanted` on are at hand or still to come."""
        if wanted.since is not None and wanted.since < self._since:
            return False
        return all(self._from_start and one in self._start.positions for one in wanted.positions)
