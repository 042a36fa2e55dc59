"""A resume with 5,000 tasks waiting for a worker behind it.

A hundred tasks wait for moments that are 0.1 s apart; meanwhile 5,000 tasks of 0.1 s each are scheduled. Measured
is the time from each moment to the first line of the resumed method, which overtakes all that have not begun.
"""

from __future__ import annotations

import time
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.suite.scale import Scale
from benchmarks.systems.contract import BenchmarkError, System

NAME: Final = "behind"
_TURNS: Final = 100
_RUNS: Final = 5
#: Seconds from the order to the first moment: everything has to wait, and the backlog to be there, by then.
_AHEAD: Final = 8.0


def measure(system: System, scale: Scale) -> Figures:
    """In milliseconds."""
    figures = Figures(NAME)
    with system.start("hello", "turns"):
        for dag_id in ("in_turn", "backlog"):
            system.await_dag(dag_id)
        moment = time.time() + _AHEAD
        run_id = system.trigger("in_turn", {"moment": moment})
        while system.count("in_turn", run_id, "deferred") < _TURNS:
            time.sleep(0.05)
        backlog = [system.trigger("backlog") for _ in range(scale.times(system, _RUNS, slow=1, quick=_RUNS))]
        system.await_marks("in_turn", run_id, _TURNS)
        left = sum(system.count("backlog", one, "scheduled") for one in backlog)
        system.await_run("in_turn", run_id)
        if not left:
            raise BenchmarkError("the backlog was worked off before the last moment")
        late = [1000 * (one["resumed_at"] - one["moment"]) for one in system.take_marks("turn")]
        figures.add(
            "moment to resumed",
            "ms",
            late,
            Target("p95", "<=", 250),
            note=f"{left:,} tasks were left behind the last of them",
        )
    return figures
