"""Which triggers may be the ones that kill or block their runner processes.

A process that dies does not say which of its triggers did it. All that it held are suspects: after a first death
they are armed again at once, together; from the second on, the suspects of one process are split in two halves
that go to two processes, so that the culprit is alone after log2(n) further deaths. One that dies alone, for the
third time or later, is convicted; a process killed from outside, once or twice, convicts nobody. One that blocks
its loop harms nobody once it is alone: it is convicted only if it also blocks for longer than it is then allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

#: Deaths before a trigger that is alone in its process is failed.
CONVICT_AT: Final = 3
#: Deaths from which on suspects are split.
_SPLIT_AT: Final = 2
#: Seconds before suspects are armed again: the first pause, doubled at each death up to the last.
_FIRST_PAUSE: Final = 0.25
_LAST_PAUSE: Final = 5.0
#: Seconds after which a death no longer counts.
_FORGET_AFTER: Final = 900.0

#: The group of triggers that are under no suspicion.
NO_GROUP: Final = 0


class Verdict(NamedTuple):
    """What to do with the triggers of a process that died."""

    #: Fail these; each with the number of deaths it was in.
    convicted: dict[str, int]
    #: Arm these again, so many seconds later.
    rearm: list[tuple[float, list[str]]]


@dataclass(slots=True)
class _Record:
    deaths: int = 0
    died_at: float = 0.0
    group: int = NO_GROUP
    #: It was in a process whose loop did not turn, the last time.
    blocked: bool = False


@dataclass(slots=True)
class Suspicion:
    """The suspects, by wait id. Moments are monotonic seconds, given by the caller."""

    _records: dict[str, _Record] = field(default_factory=dict[str, _Record])
    _last_group: int = NO_GROUP

    def group_of(self, wait_id: str) -> int:
        """Triggers of different groups must not share a process; most are in :data:`NO_GROUP`."""
        record = self._records.get(wait_id)
        return NO_GROUP if record is None else record.group

    def may_block(self, wait_id: str) -> bool:
        """Whether it may block its loop if it is alone in its process, since it is known to do so."""
        record = self._records.get(wait_id)
        return record is not None and record.blocked and record.group != NO_GROUP

    def process_died(self, held: Sequence[str], now: float, *, blocked: bool = False) -> Verdict:
        """A process died that held these triggers (in the order they were armed).

        `blocked`: it was killed because its loop did not turn.
        """
        was_allowed_to_block = len(held) == 1 and self.may_block(held[0])
        repeated: list[str] = []
        first: list[str] = []
        for wait_id in held:
            record = self._records.setdefault(wait_id, _Record())
            if now - record.died_at > _FORGET_AFTER:
                record.deaths = 0
            record.deaths += 1
            record.died_at = now
            record.blocked = blocked
            (repeated if record.deaths >= _SPLIT_AT else first).append(wait_id)
        if len(held) == 1 and (was_allowed_to_block or not blocked):
            record = self._records[held[0]]
            if record.deaths >= CONVICT_AT:
                del self._records[held[0]]
                return Verdict({held[0]: record.deaths}, [])
        rearm = [(0.0, first)] if first else []
        if repeated:
            self._split(repeated)
            worst = max(self._records[wait_id].deaths for wait_id in repeated)
            rearm.append((min(_FIRST_PAUSE * 2 ** (worst - _SPLIT_AT), _LAST_PAUSE), repeated))
        return Verdict({}, rearm)

    def forget(self, wait_id: str) -> None:
        """The wait has ended."""
        self._records.pop(wait_id, None)

    def _split(self, wait_ids: list[str]) -> None:
        middle = (len(wait_ids) + 1) // 2
        for half in (wait_ids[:middle], wait_ids[middle:]):
            self._last_group += 1
            for wait_id in half:
                self._records[wait_id].group = self._last_group
