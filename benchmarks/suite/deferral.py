"""Deferral round trip: from the line before ``defer()`` to the first line of the resumed method.

The trigger is an ordinary coroutine that fires at once, so what is measured is the way from a worker to the trigger
and back into a worker, with everything stored in between. Tasks take both moments themselves.

* one at a time: runs of one task, each after the end of the one before;
* 50 at once: runs of 50 tasks that are all ready at the same moment, each run after the end of the one before;
* 1,000 at once: one run; tasks that did not end in success are counted.
"""

from __future__ import annotations

from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.suite.scale import Scale
from benchmarks.systems.contract import System

NAME: Final = "deferral"
#: Runs before the measurement: workers and trigger runners are up, as in an engine that has been running.
_WARM_UP: Final = 3


def measure(system: System, scale: Scale) -> Figures:
    """All three, in milliseconds."""
    figures = Figures(NAME)
    with system.start("hello", "defer"):
        system.await_dag("defer_1")
        single, failed = round_trips(system, 1, scale.times(system, 200, slow=15, quick=5))
        figures.add("one at a time", "ms", single, Target("median", "<=", 30), Target("p95", "<=", 100))
        many, many_failed = round_trips(system, 50, scale.times(system, 10, slow=5, quick=2))
        figures.add("50 at once", "ms", many, Target("median", "<=", 100), Target("p95", "<=", 250))
        most, most_failed = round_trips(system, 1000, 1, warm_up=0)
        figures.add("1,000 at once", "ms", most)
        figures.add("failed tasks of all", "tasks", [failed + many_failed + most_failed], Target("max", "<=", 0))
    return figures


def round_trips(
    system: System, width: int, repetitions: int, *, dag: str = "defer", warm_up: int = _WARM_UP
) -> tuple[list[float], int]:
    """Round trips in ms of `repetitions` runs of `width` tasks, and how many tasks did not succeed."""
    samples: list[float] = []
    failed = 0
    dag_id = f"{dag}_{width}"
    for _ in range(warm_up):
        system.await_run(dag_id, system.trigger(dag_id))
    system.take_marks("round trip")
    for _ in range(repetitions):
        run_id = system.trigger(dag_id)
        system.await_marks(dag_id, run_id, width)
        run = system.await_run(dag_id, run_id)
        marks = system.take_marks("round trip")
        samples += [1000 * (one["resumed_at"] - one["deferred_at"]) for one in marks if one["run_id"] == run.run_id]
        if run.state != "success":
            failed += width - system.count(dag_id, run.run_id, "success")
    return samples, failed
