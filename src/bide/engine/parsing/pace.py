"""How soon a file is parsed again: a pure decision.

A person's changes are seen at once. A file whose import changes its own inputs (a log that it writes, say) would be
parsed without end; its parses come less and less often.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: Seconds within which a parse after another one is taken for a consequence of it.
_CLOSE: Final = 2.0
#: Parses in close order that are not slowed down.
_FREE: Final = 4
#: Seconds between parses in close order: the first pause, doubled up to the last.
_FIRST_PAUSE: Final = 0.5
_LAST_PAUSE: Final = 30.0


class Pace(NamedTuple):
    """The recent parses of one file."""

    #: Parses in close order.
    number: int = 0
    #: The end of the last one (:meth:`Clock.monotonic`).
    ended: float = float("-inf")

    @property
    def pause(self) -> float:
        """Seconds from the last parse to the next one."""
        if self.number < _FREE:
            return 0.0
        return min(_FIRST_PAUSE * 2.0 ** (self.number - _FREE), _LAST_PAUSE)

    def parsed(self, began: float, ended: float) -> Pace:
        """After another parse."""
        close = began - self.ended <= self.pause + _CLOSE
        return Pace(self.number + 1 if close else 1, ended)
