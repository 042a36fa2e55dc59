"""End runs whose ``dagrun_timeout`` is over."""

from __future__ import annotations

from bide.control.end_runs import finish_run
from bide.control.force_states import force
from bide.model.selection import plan_timeout
from bide.model.states import RunState
from bide.store import Tx, instances, run_timeouts, specs
from bide.store.runs import RunRow


def time_out_runs(tx: Tx, limit: int, only: str | None = None) -> int:
    """End up to `limit` runs that are over their time; the answer says how many.

    As in Airflow the run fails, and what has not ended is skipped: workers are stopped, work outside is cancelled.
    """
    late = run_timeouts.overdue(tx, limit, only)
    for run in late:
        reason = _reason(tx, run)
        force(tx, plan_timeout(instances.of_runs(tx, [run.uid])), by="timeout", error=reason)
        finish_run(tx, run, RunState.FAILED, reason=reason)
    return len(late)


def _reason(tx: Tx, run: RunRow) -> str:
    seconds = specs.structure_of(tx, run.version_uid).spec.dagrun_timeout
    of = "" if seconds is None else f" of {seconds:.10g} s"
    return f"the run's dagrun_timeout{of} is over"
