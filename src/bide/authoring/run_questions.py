"""What ``dag_run`` and ``ti`` of the context say about other runs and tasks: read only, and asked when called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from bide.authoring.moments import as_moment
from bide.authoring.older_names import missing_attribute, warn_of_older
from bide.authoring.runtime import InstancesAsked, RunsAsked, current_runtime

if TYPE_CHECKING:
    import datetime as dt

    from bide.authoring.context import Context
    from bide.authoring.dag import DAG
    from bide.authoring.instance import DagRun, TaskInstance
    from bide.authoring.seen_runs import SeenTaskInstance


def _seen() -> Any:
    return import_module("bide.authoring.seen_runs")  # which is made of the classes here


#: What runs of Airflow can do to themselves, and what to use instead.
REFUSED_OF_RUNS: Final = {
    "set_state": "`bide runs mark` and `bide runs cancel`, or the REST API's PATCH of the run",
    "schedule_tis": "nothing: tasks are scheduled by themselves",
    "task_instance_scheduling_decisions": "nothing: tasks are scheduled by themselves",
    "update_state": "nothing: a run ends by itself",
    "verify_integrity": "nothing: a run has the tasks of its DAG by itself",
}
#: What task instances of Airflow can do to themselves, and what to use instead.
REFUSED_OF_INSTANCES: Final = {
    "clear_xcom_data": "nothing: each try begins without XComs",
    "email_alert": "send_email(), or email= of the task",
    "handle_failure": "an error: whatever the task raises",
    "run": "dag.test(), or `bide dags test`",
    "schedule_downstream_tasks": "nothing: tasks are scheduled by themselves",
    "set_state": "AirflowSkipException or AirflowFailException for the own task, `bide tasks mark` for others",
}


class RunQuestions:
    """The part of :class:`~bide.authoring.instance.DagRun` that asks."""

    run_id: str
    run_type: str
    state: str
    #: The DAG, where the process knows it.
    dag: DAG | None

    def get_task_instance(
        self, task_id: str, session: Any = None, *, map_index: int = -1
    ) -> SeenTaskInstance | None:
        """That task of this run as it is now; None if the run has none."""
        asked = InstancesAsked(task_ids=(task_id,), map_index=map_index)
        return next(iter(_seen().instances_of_run(self, asked)), None)

    def get_task_instances(self, state: Any = None, session: Any = None) -> list[SeenTaskInstance]:
        """The task instances of this run as they are now, of those in `state` (one or several) if that is given."""
        return _seen().instances_of_run(self, InstancesAsked(states=_seen().state_names(state)))

    @property
    def task_instances(self) -> list[SeenTaskInstance]:
        """The task instances of this run as they are now."""
        return self.get_task_instances()

    def get_previous_dagrun(self, state: Any = None, session: Any = None) -> DagRun | None:
        """The run of this DAG with the next earlier logical date, of those in `state`; None if there is none."""
        return _seen().run_before(self, state)

    def get_previous_scheduled_dagrun(self, session: Any = None) -> DagRun | None:
        """The same, of those that the schedule made."""
        return _seen().run_before(self, run_types=("scheduled",))

    def get_dag(self) -> DAG | None:
        """The DAG, where the process knows it."""
        return self.dag

    def get_state(self) -> str:
        """The state when it was looked at; for the own run ``running``."""
        return self.state

    def refresh_from_db(self, session: Any = None) -> None:
        """Take over the state that the store has of it now."""
        own = cast("DagRun", self)
        self.state = InstanceQuestions.get_dagrun_state(own.dag_id, own.run_id) or self.state

    def __getattr__(self, name: str) -> Any:
        raise missing_attribute(self, name, REFUSED_OF_RUNS)

    @property
    def is_backfill(self) -> bool:
        """Whether a backfill made it."""
        return self.run_type.startswith("backfill")

    @classmethod
    def find(
        cls,
        dag_id: str | Sequence[str] | None = None,
        run_id: str | Sequence[str] | None = None,
        execution_date: Any = None,
        state: Any = None,
        external_trigger: bool | None = None,
        no_backfills: bool = False,
        run_type: Any = None,
        session: Any = None,
        execution_start_date: Any = None,
        execution_end_date: Any = None,
        *,
        logical_date: Any = None,
        logical_start_date: Any = None,
        logical_end_date: Any = None,
    ) -> list[DagRun]:
        """Runs by what is said of them, the earliest logical date first: of `dag_id`, else of the current DAG.

        At most the newest 1,000 of a DAG. `execution_...` are older names of `logical_...`.
        """
        older = {"date": execution_date, "start_date": execution_start_date, "end_date": execution_end_date}
        for name, given in older.items():
            if given is not None:
                warn_of_older(f"DagRun.find(): execution_{name} is an older name: write logical_{name}")
        asked = RunsAsked(
            dag_id="",
            run_ids=None if run_id is None else _several(run_id),
            logical_dates=_dates(logical_date if execution_date is None else execution_date),
            first=_date(logical_start_date if execution_start_date is None else execution_start_date),
            last=_date(logical_end_date if execution_end_date is None else execution_end_date),
            states=_seen().state_names(state),
            run_types=_seen().state_names(run_type),
        )
        dag_ids = _several(_own_dag_id() if dag_id is None else dag_id)
        found: list[DagRun] = [one for each in dag_ids for one in _seen().find_runs(asked._replace(dag_id=each))]
        kept = [
            one
            for one in found
            if external_trigger in (None, one.external_trigger) and not (no_backfills and one.is_backfill)
        ]
        return sorted(kept, key=lambda one: one.logical_date or cast("Any", one.run_after))


class InstanceQuestions:
    """The part of :class:`~bide.authoring.instance.TaskInstance` that asks."""

    #: The context that it is in, once that is made.
    context: Context | None = None
    dag_run: DagRun
    task: Any

    @staticmethod
    def get_task_states(
        dag_id: str,
        map_index: int | None = None,
        task_ids: Sequence[str] | None = None,
        task_group_id: str | None = None,
        logical_dates: Sequence[dt.datetime] | None = None,
        run_ids: Sequence[str] | None = None,
    ) -> dict[str, dict[str, str | None]]:
        """States of tasks by run id and task id; of those of mapped tasks as ``TASK_INDEX``."""
        runs = RunsAsked(dag_id, run_ids, logical_dates)
        states: dict[str, dict[str, str | None]] = {}
        for one in current_runtime().find_instances(runs, InstancesAsked(task_ids, task_group_id, map_index)):
            name = one.task_id if one.map_index < 0 else f"{one.task_id}_{one.map_index}"
            states.setdefault(one.run_id, {})[name] = _seen().state_of(one)
        return states

    @staticmethod
    def get_ti_count(
        dag_id: str,
        map_index: int | None = None,
        task_ids: Sequence[str] | None = None,
        task_group_id: str | None = None,
        logical_dates: Sequence[dt.datetime] | None = None,
        run_ids: Sequence[str] | None = None,
        states: Any = None,
    ) -> int:
        """How many task instances there are of those."""
        asked = InstancesAsked(task_ids, task_group_id, map_index, _seen().state_names(states))
        return len(current_runtime().find_instances(RunsAsked(dag_id, run_ids, logical_dates), asked))

    @staticmethod
    def get_dr_count(
        dag_id: str,
        logical_dates: Sequence[dt.datetime] | None = None,
        run_ids: Sequence[str] | None = None,
        states: Any = None,
    ) -> int:
        """How many runs there are of those, of the newest 1,000."""
        asked = RunsAsked(dag_id, run_ids, logical_dates, states=_seen().state_names(states))
        return len(current_runtime().find_runs(asked))

    @staticmethod
    def get_dagrun_state(dag_id: str, run_id: str) -> str | None:
        """The state of a run; None if there is none."""
        found = current_runtime().find_runs(RunsAsked(dag_id, run_ids=(run_id,)))
        return found[0].state if found else None

    @staticmethod
    def get_task_breadcrumbs(dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """What has ended in a run: ``task_id``, ``map_index``, ``state``, ``operator`` and ``duration`` of each."""
        found = current_runtime().find_instances(RunsAsked(dag_id, run_ids=(run_id,)), InstancesAsked())
        return [
            {
                "task_id": one.task_id,
                "map_index": one.map_index,
                "state": one.state,
                "operator": one.operator,
                "duration": None if one.start_date is None else (one.end_date - one.start_date).total_seconds(),
            }
            for one in found
            if one.end_date is not None
        ]

    def get_previous_ti(
        self, state: Any = None, logical_date: Any = None, map_index: int | None = None, session: Any = None
    ) -> SeenTaskInstance | None:
        """The same task in the run with the next earlier logical date in which it is in `state`."""
        return _seen().instance_before(self, state, logical_date, map_index)

    @property
    def previous_ti(self) -> SeenTaskInstance | None:
        """An older name of :meth:`get_previous_ti`."""
        warn_of_older("previous_ti is an older name: write get_previous_ti()")
        return self.get_previous_ti()

    @property
    def previous_ti_success(self) -> SeenTaskInstance | None:
        """An older name of ``get_previous_ti("success")``."""
        warn_of_older("previous_ti_success is an older name: write get_previous_ti('success')")
        return self.get_previous_ti("success")

    def get_previous_execution_date(self, state: Any = None, session: Any = None) -> Any:
        """An older way to write ``get_previous_dagrun(state).logical_date``."""
        warn_of_older("get_previous_execution_date() is an older name: write get_previous_dagrun().logical_date")
        return getattr(self.dag_run.get_previous_dagrun(state), "logical_date", None)

    def get_previous_start_date(self, state: Any = None, session: Any = None) -> Any:
        """An older way to write ``get_previous_dagrun(state).start_date``."""
        warn_of_older("get_previous_start_date() is an older name: write get_previous_dagrun().start_date")
        return getattr(self.dag_run.get_previous_dagrun(state), "start_date", None)

    def current_state(self, session: Any = None) -> str | None:
        """The state that the store has of it now; None if it has none."""
        own = cast("TaskInstance", self)
        found = self.dag_run.get_task_instance(own.task_id, map_index=own.map_index)
        return None if found is None else found.state

    def refresh_from_db(self, session: Any = None, lock_for_update: bool = False) -> None:
        """Take over the state that the store has of it now."""
        cast("Any", self).state = self.current_state()

    def __getattr__(self, name: str) -> Any:
        raise missing_attribute(self, name, REFUSED_OF_INSTANCES)

    def get_num_running_task_instances(self, session: Any = None, same_dagrun: bool = False) -> int:
        """How many instances of this task are running: in all runs, or in this one."""
        own = cast("TaskInstance", self)
        runs = [own.run_id] if same_dagrun else None
        return self.get_ti_count(own.dag_id, task_ids=[own.task_id], run_ids=runs, states="running")

    def get_template_context(self, session: Any = None, ignore_param_exceptions: bool = True) -> Context:
        """The context that this task instance is in. Raises :class:`NoRuntime` for one that is not running here."""
        from bide.authoring.runtime import NoRuntime

        if self.context is None:
            raise NoRuntime(f"{self!r} has no context: it is not the task that runs here")
        return self.context

    def render_templates(self, context: Context | None = None, jinja_env: Any = None) -> Any:
        """Fill in the task's templates; the task."""
        self.task.render_template_fields(context or self.get_template_context(), jinja_env)
        return self.task


def _own_dag_id() -> str:
    context: Any = import_module("bide.authoring.context").get_current_context()
    return context["dag_run"].dag_id


def _several(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _dates(given: Any) -> list[dt.datetime] | None:
    if given is None:
        return None
    several: list[Any] = list(cast("Iterable[Any]", given)) if isinstance(given, list | tuple | set) else [given]
    return [moment for moment in map(_date, several) if moment is not None]


def _date(given: Any) -> dt.datetime | None:
    return as_moment(given, name="logical_date", of="DagRun.find()")
