"""CPU and memory of process trees, and of everything else on the machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


def tree(roots: Iterable[int]) -> list[psutil.Process]:
    """The processes `roots` and all that descend from them, as far as they still exist."""
    found: list[psutil.Process] = []
    for pid in roots:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            found += [process, *process.children(recursive=True)]
    return found


def pss_bytes(roots: Iterable[int]) -> int:
    """Proportional set size of the trees below `roots`: shared pages count once, divided among who shares them."""
    total = 0
    for process in tree(roots):
        with suppress(OSError):
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def resident_bytes(roots: Iterable[int]) -> int:
    """Resident memory of the processes `roots` themselves, without what descends from them."""
    return sum(psutil.Process(pid).memory_info().rss for pid in roots)


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU time that the trees below `roots` have used, with that of children which they have already reaped."""
    total = 0.0
    for process in tree(roots):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def machine_busy_seconds() -> float:
    """CPU time of the whole machine that was not idle."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq


@dataclass(frozen=True)
class Usage:
    """A moment, and the CPU time used until then, in seconds."""

    at: float
    own: float
    machine: float

    @classmethod
    def now(cls) -> Usage:
        """`own` is that of this process and of children that it has waited for."""
        own = psutil.Process().cpu_times()
        used = own.user + own.system + own.children_user + own.children_system
        return cls(time.monotonic(), used, machine_busy_seconds())

    def foreign_percent_until(self, later: Usage) -> float:
        """Percent of all cores that others have used since; what was started meanwhile must have ended."""
        wall = max(later.at - self.at, 1e-9) * (os.cpu_count() or 1)
        return max(0.0, 100 * ((later.machine - self.machine) - (later.own - self.own)) / wall)


def stop(processes: Iterable[psutil.Popen], *, patience: float = 30.0) -> None:
    """Ask `processes` to end; kill what is left of their trees after `patience` seconds."""
    roots = list(processes)
    everything = tree(root.pid for root in roots)
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            root.terminate()
    psutil.wait_procs(roots, timeout=patience)
    for process in everything:
        # psutil checks that the number does not belong to another process by now.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(everything, timeout=patience)
