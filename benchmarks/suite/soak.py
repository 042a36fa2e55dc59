"""Half an hour of churn: runs whose tasks wait for timers, polls and streams, one after the other.

Every two seconds memory (PSS) and open descriptors of all processes are noted. Both have to be flat: what is
compared is the median of the last quarter with that of the second, when caches and pools have filled.
"""

from __future__ import annotations

import statistics
import time
from contextlib import suppress
from typing import Final

import psutil

from benchmarks.figures import Figures, Target
from benchmarks.processes import pss_bytes, tree
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide

NAME: Final = "soak"
_KINDS: Final = ("timer_50", "poll_50", "stream_50")
_EVERY: Final = 2.0


def measure(system: Bide, scale: Scale) -> Figures:
    """Growth of memory and of descriptors."""
    figures = Figures(NAME)
    seconds = 30.0 if scale.quick else 1800.0
    memory: list[float] = []
    descriptors: list[float] = []
    failed = runs = 0
    with system.start("hello", "trips"):
        for dag_id in _KINDS:
            system.await_dag(dag_id)
        end = time.monotonic() + seconds
        noted = 0.0
        while time.monotonic() < end:
            for dag_id in _KINDS:
                run = system.await_run(dag_id, system.trigger(dag_id))
                failed += run.state != "success"
                runs += 1
            if time.monotonic() - noted >= _EVERY:
                noted = time.monotonic()
                memory.append(pss_bytes(system.roots) / 2**20)
                descriptors.append(_descriptors(system))
    note = f"{runs:,} runs of 50 tasks in {seconds:.0f} s"
    figures.add("memory", "MiB PSS", memory, note=note)
    figures.add("descriptors", "open", descriptors)
    figures.add("memory: grows by", "times", [_growth(memory)], Target("max", "<=", 1.05))
    figures.add("descriptors: grow by", "times", [_growth(descriptors)], Target("max", "<=", 1.05))
    figures.add("failed runs", "runs", [failed], Target("max", "<=", 0), note=note)
    return figures


def _descriptors(system: Bide) -> float:
    total = 0
    for process in tree(system.roots):
        with suppress(psutil.NoSuchProcess):
            total += process.num_fds()
    return float(total)


def _growth(samples: list[float]) -> float:
    quarter = len(samples) // 4
    return statistics.median(samples[3 * quarter :]) / statistics.median(samples[quarter : 2 * quarter] or samples)
