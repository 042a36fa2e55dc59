"""How busy the machine's processors are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_STAT: Final = Path("/proc/stat")
#: Seconds of a measurement: the kernel counts in steps of 10 ms.
_WINDOW: Final = 0.05
#: Bytes that have the first line, which sums up all processors.
_LINE: Final = 512


def usable_cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class IdleCores:
    """Measures how many processors had no work lately."""

    def __init__(self, cores: int, stat: Path = _STAT) -> None:
        self._cores = cores
        # Kept open: it is asked twenty times a second while claims wait.
        try:
            self._stat: int | None = os.open(stat, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._stat = None
        self._began: tuple[float, tuple[int, int] | None] = (float("-inf"), None)
        self._idle = 0.0

    def restart(self, now: float) -> None:
        """Forget what was before: none is known to idle until it was measured."""
        self._began = now, self._read()
        self._idle = 0.0

    def measure(self, now: float) -> float:
        """Processors without work in the last 50 ms or a little more that were measured in full."""
        began, before = self._began
        if now - began < _WINDOW:
            return self._idle
        counted = self._read()
        if counted is None or before is None:
            # No /proc: the load of the last minute has to do.
            return max(0.0, self._cores - os.getloadavg()[0])
        idle, total = counted[0] - before[0], counted[1] - before[1]
        if total > 0:
            self._idle = self._cores * idle / total
            self._began = now, counted
        return self._idle

    def close(self) -> None:
        """Let go of the file; measure nothing after that."""
        if self._stat is not None:
            os.close(self._stat)
            self._stat = None

    def _read(self) -> tuple[int, int] | None:
        """Ticks without work and all ticks since the start, over all processors."""
        if self._stat is None:
            return None
        line = os.pread(self._stat, _LINE, 0).partition(b"\n")[0]
        ticks = [int(field) for field in line.split()[1:9]]
        return ticks[3] + ticks[4], sum(ticks)
