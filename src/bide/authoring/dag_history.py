"""What a DAG says about its runs and its schedule when code asks, under the names that Airflow gives it."""

from __future__ import annotations

import datetime as dt
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from bide.authoring.moments import pendulum_moment
from bide.authoring.older_names import missing_attribute, warn_of_older
from bide.authoring.runtime import InstancesAsked, RunsAsked, current_runtime

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.instance import DagRun
    from bide.authoring.operator import BaseOperator
    from bide.authoring.seen_runs import SeenTaskInstance

#: Before the logical date of any run.
_FIRST: Final = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
#: Kinds of runs that nobody asked for.
_BY_ITSELF: Final = ("scheduled", "backfill", "asset_triggered")
#: What DAGs of Airflow can do to themselves, and what to use instead.
REFUSED: Final = {
    "clear": "`bide tasks clear`, or the REST API's /dags/{dag_id}/clearTaskInstances",
    "cli": "the commands of `bide`; dag.test() runs a DAG in a script",
    "create_dagrun": "TriggerDagRunOperator, `bide dags trigger` or the REST API; dag.test() in tests",
    "get_is_active": "`bide dags list`, or the REST API's /dags/{dag_id}",
    "get_is_paused": "`bide dags list`, or the REST API's /dags/{dag_id}",
    "is_paused": "`bide dags list`, or the REST API's /dags/{dag_id}",
    "partial_subset": "dag.test(), or `bide dags test`",
    "run": "dag.test(), or `bide backfill create`",
    "set_dag_runs_state": "`bide runs mark`",
    "set_task_instance_state": "`bide tasks mark`",
    "sub_dag": "dag.test(), or `bide dags test`",
    "sync_to_db": "nothing: DAG files are read by themselves",
    "tree_view": "`bide dags show`",
}


class DagHistory:
    """The part of :class:`~bide.authoring.dag.DAG` that asks. What is about runs, only running tasks may ask."""

    dag_id: str

    def get_last_dagrun(self, session: Any = None, include_externally_triggered: bool = False) -> DagRun | None:
        """The run with the latest logical date, of those that nobody asked for unless they count, too."""
        kinds = () if include_externally_triggered else _BY_ITSELF
        return self._first(RunsAsked(self.dag_id, first=_FIRST, run_types=kinds, limit=1))

    def get_dagrun(
        self,
        execution_date: Any = None,
        run_id: str | None = None,
        session: Any = None,
        *,
        logical_date: Any = None,
    ) -> DagRun | None:
        """The run of that id or logical date; None if there is none. `execution_date` is an older name."""
        if execution_date is not None:
            warn_of_older("DAG.get_dagrun(): execution_date is an older name: write logical_date")
        date = _moment(logical_date if execution_date is None else execution_date)
        dates = None if date is None else (date,)
        return self._first(RunsAsked(self.dag_id, None if run_id is None else (run_id,), dates, limit=1))

    def get_dagruns_between(self, start_date: Any, end_date: Any, session: Any = None) -> list[DagRun]:
        """The runs whose logical dates are from `start_date` to `end_date`, the earliest first."""
        return self._runs(RunsAsked(self.dag_id, first=_moment(start_date), last=_moment(end_date)))[::-1]

    def get_active_runs(self) -> list[Any]:
        """Logical dates of the runs that are running, the earliest first."""
        found = self._runs(RunsAsked(self.dag_id, states=("running",)))
        return sorted(run.logical_date for run in found if run.logical_date is not None)

    def get_num_active_runs(
        self, external_trigger: bool | None = None, only_running: bool = True, session: Any = None
    ) -> int:
        """How many runs are running, with the queued ones unless `only_running`."""
        states = ("running",) if only_running else ("running", "queued")
        found = self._runs(RunsAsked(self.dag_id, states=states))
        return sum(external_trigger in (None, run.external_trigger) for run in found)

    def get_latest_execution_date(self, session: Any = None) -> Any:
        """The latest logical date of any run; None if there is none."""
        warn_of_older("get_latest_execution_date() is an older name: write get_last_dagrun().logical_date")
        return getattr(self.get_last_dagrun(include_externally_triggered=True), "logical_date", None)

    @property
    def latest_execution_date(self) -> Any:
        """The latest logical date of any run; None if there is none."""
        return self.get_latest_execution_date()

    def get_task_instances(
        self, start_date: Any = None, end_date: Any = None, state: Any = None, session: Any = None
    ) -> list[SeenTaskInstance]:
        """Task instances of runs whose logical dates are in that span, of those in `state` if that is given."""
        asked = RunsAsked(self.dag_id, first=_moment(start_date) or _FIRST, last=_moment(end_date))
        seen = _seen()
        runs = {run.run_id: run for run in self._runs(asked)}
        found = current_runtime().find_instances(asked, InstancesAsked(states=seen.state_names(state)))
        return [seen.SeenTaskInstance(one, runs[one.run_id]) for one in found if one.run_id in runs]

    def following_schedule(self, dttm: dt.datetime) -> Any:
        """The logical date that the schedule has after `dttm`; None if it has none."""
        return self._tick(dttm, 1)

    def previous_schedule(self, dttm: dt.datetime) -> Any:
        """The logical date that the schedule has before `dttm`; None if it has none."""
        return self._tick(dttm, -1)

    def _tick(self, dttm: dt.datetime, direction: Literal[1, -1]) -> Any:
        from bide.authoring.schedules import schedule_of
        from bide.model.spans import add
        from bide.model.ticks import ticks_of

        schedule = schedule_of(self._own)
        # The arithmetic of schedules wants plain datetimes.
        at = dt.datetime.fromtimestamp(cast("dt.datetime", _moment(dttm)).timestamp(), dt.UTC)
        if schedule.delta is not None:
            return pendulum_moment(add(at, schedule.delta, direction))
        if schedule.kind != "cron":
            return None
        ticks = ticks_of(schedule, None)
        return pendulum_moment(ticks.after(at) if direction > 0 else ticks.before(at))

    @property
    def normalized_schedule_interval(self) -> Any:
        """Another name of ``schedule``."""
        warn_of_older(f"DAG {self.dag_id!r}: normalized_schedule_interval is an older name: write schedule")
        return self._own.schedule

    @property
    def full_filepath(self) -> str:
        """Another name of ``fileloc``."""
        warn_of_older(f"DAG {self.dag_id!r}: full_filepath is an older name: write fileloc")
        return self._own.fileloc

    @property
    def relative_fileloc(self) -> str:
        """The file that made this DAG, as seen from the DAG folder."""
        dag = self._own
        return os.path.relpath(dag.fileloc, dag.dags_folder) if dag.dags_folder else dag.fileloc

    @property
    def safe_dag_id(self) -> str:
        """The id without dots."""
        return self.dag_id.replace(".", "__dot__")

    @property
    def subdags(self) -> list[DAG]:
        """None: sub-DAGs are task groups."""
        return []

    @property
    def teardowns(self) -> list[BaseOperator]:
        """Tasks that are teardowns."""
        return [task for task in self._own.tasks if task.is_teardown]

    def set_dependency(self, upstream_task_id: str, downstream_task_id: str) -> None:
        """Let one task wait for another, by their ids."""
        self._own.get_task(upstream_task_id).set_downstream(self._own.get_task(downstream_task_id))

    def validate(self) -> None:
        """Nothing: a DAG is checked when its file is read."""

    def __getattr__(self, name: str) -> Any:
        raise missing_attribute(self, name, REFUSED)

    @property
    def _own(self) -> DAG:
        return cast("DAG", self)

    def _runs(self, asked: RunsAsked) -> list[DagRun]:
        return _seen().find_runs(asked, self)

    def _first(self, asked: RunsAsked) -> DagRun | None:
        return next(iter(self._runs(asked)), None)


def _seen() -> Any:
    return import_module("bide.authoring.seen_runs")  # which knows DAGs


def _moment(given: Any) -> dt.datetime | None:
    from bide.authoring.moments import as_moment

    return as_moment(given, name="a date", of="DAG")
