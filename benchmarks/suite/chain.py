"""Chain gap: from the last line of a task to the first line of the next, in a chain of twenty tasks.

The tasks note both moments themselves and do nothing else; so the gap is what it takes to store the end of one
task, to decide that its successor may run, to start that, and to have it in a worker. A run of 20 tasks gives 19
gaps.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.suite.scale import Scale
from benchmarks.systems.contract import System

NAME: Final = "chain"
_LENGTH: Final = 20


def measure(system: System, scale: Scale) -> Figures:
    """The gap, in milliseconds."""
    figures = Figures(NAME)
    with system.start("hello", "chain"):
        system.await_dag("chain")
        gaps_of = gaps(system, scale.times(system, 20, slow=3, quick=2))
        figures.add("gap between two tasks", "ms", gaps_of, Target("median", "<=", 3))
    return figures


def gaps(system: System, repetitions: int) -> list[float]:
    """Gaps in ms of `repetitions` runs, after one that is not counted."""
    samples: list[float] = []
    system.complete("chain")
    system.take_marks("task")
    for _ in range(repetitions):
        system.complete("chain", marks=_LENGTH)
        marks = sorted(system.take_marks("task"), key=lambda one: one["task_id"])
        samples += [1000 * (after["begun"] - before["ended"]) for before, after in pairwise(marks)]
    return samples
