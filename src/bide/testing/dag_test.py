"""``dag.test()``: a DAG in the terminal, or under a debugger."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from bide.authoring.dag import DAG
from bide.authoring.local_files import read_entries
from bide.model.errors import InvalidArgument
from bide.testing.clock import RealClock, SkippingClock
from bide.testing.engine import RunRequest
from bide.testing.events import GivenEvents
from bide.testing.results import RunResult
from bide.testing.run import TIME_LIMIT, given_connections, given_variables, moment_of, run_request

#: Why an argument of Airflow's can't be had, and what to do.
_REFUSED = {
    "use_executor": "tasks run in this process here; 'bide run FILE' runs the DAG with worker processes",
}


def dag_test(
    dag: DAG,
    *,
    run_conf: dict[str, Any] | None = None,
    logical_date: Any = None,
    run_after: Any = None,
    mark_success_pattern: str | re.Pattern[str] | None = None,
    events: Any = None,
    clock: SkippingClock | None = None,
    conn_file_path: str | None = None,
    variable_file_path: str | None = None,
    exit_on_failure: bool | None = None,
    **others: Any,
) -> RunResult:
    """See :meth:`bide.authoring.dag.DAG.test`."""
    for name, value in others.items():
        if value:
            raise InvalidArgument(f"DAG {dag.dag_id!r}: test({name}={value!r}) can't be had: {_REFUSED[name]}")
    stdout = sys.stdout
    request = RunRequest(
        dag=dag,
        conf=run_conf,
        # As that of a run by hand, which is made when it may run.
        logical_date=moment_of(run_after if logical_date is None else logical_date),
        run_id=None,
        clock=clock or RealClock(),
        events=GivenEvents(events, dag),
        time_limit=TIME_LIMIT,
        echo=lambda text: _print(stdout, text),
        connections=given_connections(read_entries(Path(conn_file_path)) if conn_file_path else None),
        variables=given_variables(read_entries(Path(variable_file_path)) if variable_file_path else None),
        mark_success=re.compile(mark_success_pattern) if mark_success_pattern is not None else None,
    )
    exits = _is_last_word() if exit_on_failure is None else exit_on_failure
    result = run_request(request)
    _print(stdout, "\n".join(summary(result)) + "\n")
    if exits and result.state != "success":
        sys.exit(1)
    return result


def summary(result: RunResult) -> list[str]:
    """A line for the run, and one for each task."""
    took = "" if result.duration is None else f" after {result.duration.total_seconds():.1f} s"
    lines = ["", f"DAG {result.dag_id}, run {result.run_id}: {result.state}{took}"]
    width = max((len(name) for name in result.tasks), default=0)
    for name, task in result.tasks.items():
        tries = f", {task.tries} tries" if task.tries > 1 else ""
        error = f": {task.error}" if task.error and task.state != "success" else ""
        lines.append(f"  {name:<{width}}  {task.state}{tries}{error}")
    return lines


def _print(stream: Any, text: str) -> None:
    stream.write(text)
    stream.flush()


def _is_last_word() -> bool:
    """Whether a script has called ``dag.test()`` at its top level, and nobody goes on typing after it."""
    if sys.flags.interactive or hasattr(sys, "ps1"):
        return False
    own = __file__.rpartition("/")[0].rpartition("/")[0]
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_code.co_filename.startswith(own):
        frame = frame.f_back
    return frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__"
