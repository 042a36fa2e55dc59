"""How much of everything a benchmark does."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.systems.contract import System


@dataclass(frozen=True)
class Scale:
    """`quick` is for trying the benchmarks themselves: its figures mean little."""

    quick: bool = False

    def times(self, system: System, usual: int, *, slow: int, quick: int = 1) -> int:
        """How often: `usual`, or `slow` for a system that takes much longer."""
        if self.quick:
            return min(quick, slow if system.slow else usual)
        return slow if system.slow else usual
