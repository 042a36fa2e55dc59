"""What DAG files and their tests ask about DAGs, under the names that Airflow gives it."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from bide.authoring import scope, seen_runs
from bide.authoring.dag import DAG
from bide.authoring.instance import DagRun
from bide.authoring.runtime import RunsAsked
from bide.model.run_types import RunType

#: Before the logical date of any run.
_FIRST: Final = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
_ASKED_FOR: Final = (RunType.MANUAL, RunType.OPERATOR_TRIGGERED)


class DagContext:
    """The DAG that code is in."""

    @staticmethod
    def get_current_dag() -> DAG | None:
        """The DAG of the innermost ``with DAG(...)``; None outside."""
        return scope.current_dag()

    get_current = get_current_dag

    @staticmethod
    def push_context_managed_dag(dag: DAG) -> None:
        """Begin ``with dag:``."""
        scope.enter_dag(dag)

    @staticmethod
    def pop_context_managed_dag() -> DAG | None:
        """End the innermost ``with DAG(...)``; its DAG, None outside."""
        dag = scope.current_dag()
        if dag is not None:
            scope.leave_dag()
        return dag


def check_cycle(dag: DAG) -> None:
    """Raise :class:`~bide.model.errors.CycleError`, naming the circle, if tasks of `dag` wait for each other."""
    dag.topological_sort()


def get_last_dagrun(dag_id: str, session: Any = None, include_externally_triggered: bool = False) -> DagRun | None:
    """The run of the DAG with the latest logical date, of those that nobody asked for unless they count, too.

    Only a running task may ask; `session` is Airflow's.
    """
    asked = RunsAsked(dag_id, first=_FIRST, limit=1)
    if not include_externally_triggered:
        asked = asked._replace(run_types=tuple(one.value for one in RunType if one not in _ASKED_FOR))
    return next(iter(seen_runs.find_runs(asked)), None)
