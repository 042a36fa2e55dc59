"""``dag.test()``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from bide.authoring.older_names import warn_of_older
from bide.authoring.runtime import in_runtime
from bide.model.errors import InvalidArgument, NotFound


class Testable:
    """What a DAG gets from :mod:`bide.testing`."""

    def test(
        self,
        execution_date: dt.datetime | str | None = None,
        run_conf: dict[str, Any] | None = None,
        conn_file_path: str | None = None,
        variable_file_path: str | None = None,
        use_executor: bool = False,
        mark_success_pattern: Any = None,
        session: Any = None,
        *,
        logical_date: dt.datetime | str | None = None,
        run_after: dt.datetime | str | None = None,
        events: Any = None,
        clock: Any = None,
        exit_on_failure: bool | None = None,
    ) -> Any:
        """Run this DAG in this process, triggers included, and print what its tasks log; the answer is the result.

        Nothing is stored anywhere. `execution_date` is another name of `logical_date`; `run_after` is taken for it
        where neither is given. `mark_success_pattern` is a regular expression: tasks whose whole id it matches
        succeed without running. `events` and `clock` are those of :func:`bide.testing.run_dag`; the default clock
        skips no time. In a script whose last word this is, a failed run ends the process with status 1;
        `exit_on_failure` says so, or not, by hand.
        """
        if in_runtime():
            raise InvalidArgument(
                "dag.test() can't be called while a DAG file is imported or a task runs: in a DAG file it "
                'stands below  if __name__ == "__main__":'
            )
        if execution_date is not None:
            warn_of_older("DAG.test(): the argument 'execution_date' is an older one: write logical_date")
        return _dag_test()(
            self,
            logical_date=execution_date if logical_date is None else logical_date,
            run_after=run_after,
            run_conf=run_conf,
            conn_file_path=conn_file_path,
            variable_file_path=variable_file_path,
            use_executor=use_executor,
            mark_success_pattern=mark_success_pattern,
            events=events,
            clock=clock,
            exit_on_failure=exit_on_failure,
        )


def _dag_test() -> Callable[..., Any]:
    """What :meth:`DAG.test` calls. It knows the whole engine, which a DAG file does not, so it is found by name."""
    from importlib.metadata import entry_points

    for found in entry_points(group="bide.testing", name="dag_test"):
        return found.load()
    raise NotFound("dag.test() is not installed: this environment lacks the entry point 'dag_test' of bide.testing")
