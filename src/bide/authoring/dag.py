"""DAGs: ``with DAG(...)``."""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import os
import sys
from collections.abc import Callable, Collection, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, cast

from bide.authoring import scope
from bide.authoring.callbacks import Callbacks, as_callbacks
from bide.authoring.dag_history import DagHistory
from bide.authoring.given_schedule import one_schedule
from bide.authoring.group import TaskGroup, duplicate
from bide.authoring.hints import did_you_mean
from bide.authoring.moments import as_moment, as_seconds, default_zone
from bide.authoring.older_names import DAG_ARGUMENTS, warn_of_arguments, warn_of_older
from bide.authoring.params import NO_VALUE, DagParam, ParamsDict
from bide.authoring.scope import collecting as collecting
from bide.authoring.settings import find_flag, find_number
from bide.authoring.testable import Testable
from bide.authoring.timetable import runs_at_once
from bide.model.errors import InvalidArgument, NotFound
from bide.model.graph import topological_order
from bide.model.ids import check_id
from bide.model.run_types import RunType

if TYPE_CHECKING:
    from bide.authoring.operator import BaseOperator
    from bide.authoring.timetable import Timetable

P = ParamSpec("P")

#: Runs of one DAG at once, and tasks of one DAG at once, if nothing else is said.
DEFAULT_MAX_ACTIVE: Final = 16
# Not pathlib, which takes a tenth of what `import bide` may cost.
_PACKAGE = os.path.dirname(__file__)  # noqa: PTH120


def _refusing_unknown(init: Callable[P, None]) -> Callable[P, None]:
    """`init`, with a message that names an unknown argument and what may have been meant."""
    known = inspect.signature(init).parameters

    @functools.wraps(init)
    def __init__(*args: P.args, **kwargs: P.kwargs) -> None:
        dag_id = kwargs.get("dag_id", args[1] if len(args) > 1 else None)
        warn_of_arguments(f"DAG {dag_id!r}", kwargs, DAG_ARGUMENTS)
        for name in kwargs:
            if name not in known:
                hint = did_you_mean(name, known)
                raise InvalidArgument(f"DAG {dag_id!r}: unknown argument {name!r}{hint}")
        init(*args, **kwargs)

    return __init__


class DAG(Testable, DagHistory):
    """Tasks and their order, with a schedule.

    Use it as ``with DAG("name", schedule="@daily", start_date=...):``; tasks made inside belong to it. `schedule`
    is None (only when asked), a preset like ``"@daily"``, a cron expression, a timedelta or relativedelta, a
    timetable, or assets, of whose events `asset_policy` says which a run has; `schedule_interval` and `timetable`
    are other names for it. Moments without a time zone are UTC. Unknown arguments are refused by name.
    """

    @_refusing_unknown
    def __init__(
        self,
        dag_id: str,
        description: str | None = None,
        schedule: Any = NO_VALUE,
        schedule_interval: Any = NO_VALUE,
        timetable: Any = None,
        start_date: dt.datetime | str | None = None,
        end_date: dt.datetime | str | None = None,
        full_filepath: str | None = None,
        template_searchpath: str | Iterable[str] | None = None,
        template_undefined: Any = None,
        user_defined_macros: dict[str, Any] | None = None,
        user_defined_filters: dict[str, Callable[..., Any]] | None = None,
        default_args: dict[str, Any] | None = None,
        concurrency: int | None = None,
        max_active_tasks: int | None = None,
        max_active_runs: int | None = None,
        max_consecutive_failed_dag_runs: int | None = None,
        dagrun_timeout: dt.timedelta | None = None,
        sla_miss_callback: Callbacks = None,
        default_view: str | None = None,
        orientation: str | None = None,
        catchup: bool | None = None,
        on_success_callback: Callbacks = None,
        on_failure_callback: Callbacks = None,
        doc_md: str | None = None,
        params: dict[str, Any] | None = None,
        access_control: dict[str, Any] | None = None,
        is_paused_upon_creation: bool | None = None,
        jinja_environment_kwargs: dict[str, Any] | None = None,
        render_template_as_native_obj: bool = False,
        tags: Collection[str] | None = None,
        owner_links: dict[str, str] | None = None,
        auto_register: bool = True,
        fail_stop: bool = False,
        fail_fast: bool = False,
        dag_display_name: str | None = None,
        deadline: Any = None,
        allowed_run_types: Any = None,
        disable_bundle_versioning: bool | None = None,
        asset_policy: str = "batch",
    ) -> None:
        self.dag_id = check_id("DAG", dag_id)
        of = f"DAG {dag_id!r}"
        self.description = description
        self.schedule = one_schedule(self.dag_id, schedule, schedule_interval, timetable)
        self.default_args: dict[str, Any] = dict(default_args or {})
        self.start_date = as_moment(start_date or self.default_args.get("start_date"), name="start_date", of=of)
        self.end_date = as_moment(end_date or self.default_args.get("end_date"), name="end_date", of=of)
        self.fileloc = full_filepath or _calling_file()
        self.template_searchpath = _as_paths(of, template_searchpath)
        self.template_undefined = template_undefined
        self.user_defined_macros: dict[str, Any] = dict(user_defined_macros or {})
        self.user_defined_filters: dict[str, Any] = dict(user_defined_filters or {})
        self.jinja_environment_kwargs: dict[str, Any] = dict(jinja_environment_kwargs or {})
        self.render_template_as_native_obj = render_template_as_native_obj
        self.max_active_tasks = _limit(of, "max_active_tasks", max_active_tasks, concurrency)
        self.max_active_runs = _limit(of, "max_active_runs", max_active_runs, runs_at_once(self.schedule))
        self.max_consecutive_failed_dag_runs = _limit(
            of, "max_consecutive_failed_dag_runs", max_consecutive_failed_dag_runs, default=0
        )
        as_seconds(dagrun_timeout, name="dagrun_timeout", of=of)
        self.dagrun_timeout = dagrun_timeout
        self.sla_miss_callback = as_callbacks(sla_miss_callback)
        self.on_success_callback = as_callbacks(on_success_callback)
        self.on_failure_callback = as_callbacks(on_failure_callback)
        self.default_view, self.orientation = default_view, orientation
        self.catchup = find_flag("scheduler", "catchup_by_default", False) if catchup is None else bool(catchup)
        self.doc_md = doc_md
        self.params = ParamsDict({**(self.default_args.get("params") or {}), **(params or {})})
        #: What was written on edges with :class:`~bide.authoring.dependencies.Label`, by (upstream, downstream) id.
        self.edge_labels: dict[tuple[str, str], str] = {}
        self.access_control = access_control
        self.is_paused_upon_creation = is_paused_upon_creation
        self.tags: set[str] = _as_tags(of, tags)
        self.owner_links: dict[str, str] = dict(owner_links or {})
        self.auto_register = auto_register
        self.fail_fast = fail_fast or fail_stop
        self.dag_display_name = dag_display_name or dag_id
        self.deadline = deadline
        self.allowed_run_types = _as_run_types(of, allowed_run_types)
        self.disable_bundle_versioning, self.asset_policy = disable_bundle_versioning, asset_policy
        #: The folder that is on ``sys.path`` for the DAG file; set by whoever imports it.
        self.dags_folder: str | None = None
        #: Jinja environments by whether they render to native values; made when first needed.
        self.template_environments: dict[bool, Any] = {}
        self.task_dict: dict[str, BaseOperator] = {}
        self.used_ids: set[str] = set()
        self.task_group = TaskGroup(None, dag=self)
        scope.announce(self)

    # --- as a context -------------------------------------------------------------------------------------------

    def __enter__(self) -> DAG:
        scope.enter_dag(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        scope.leave_dag()

    # --- tasks ---------------------------------------------------------------------------------------------------

    def add_task(self, task: BaseOperator) -> None:
        """Make `task` part of this DAG. Raises :class:`DuplicateId` if its id is taken."""
        if task.has_dag():
            if task.dag is not self:
                task.dag = self  # raises with both names
            return
        self.claim_id(task.task_id)
        task.join(self)
        self.task_dict[task.task_id] = task

    def forget_task(self, task: BaseOperator) -> None:
        """Take `task` out, with its place in the order of others."""
        if self.task_dict.get(task.task_id) is not task:
            return
        del self.task_dict[task.task_id]
        self.used_ids.discard(task.task_id)
        for other in self.task_dict.values():
            other.upstream_task_ids.discard(task.task_id)
            other.downstream_task_ids.discard(task.task_id)

    def add_tasks(self, tasks: Iterable[BaseOperator]) -> None:
        """:meth:`add_task` for each of `tasks`."""
        for task in tasks:
            self.add_task(task)

    def claim_id(self, full_id: str) -> None:
        """Keep `full_id` for one task or group; raises :class:`DuplicateId` if it is taken."""
        if full_id in self.used_ids:
            taken = "a task" if full_id in self.task_dict else "task group"
            raise duplicate(f"{taken} {full_id!r}", self.dag_id)
        self.used_ids.add(full_id)

    @property
    def tasks(self) -> list[BaseOperator]:
        """All tasks, in the order of their making."""
        return list(self.task_dict.values())

    @property
    def task_ids(self) -> list[str]:
        """Ids of all tasks, in the order of their making."""
        return list(self.task_dict)

    @property
    def task_count(self) -> int:
        """How many tasks there are."""
        return len(self.task_dict)

    def has_task(self, task_id: str) -> bool:
        """Whether there is a task of that id."""
        return task_id in self.task_dict

    def get_task(self, task_id: str, include_subdags: bool = False) -> BaseOperator:
        """The task of that id; :class:`NotFound` with the nearest id if there is none."""
        task = self.task_dict.get(task_id)
        if task is None:
            hint = did_you_mean(task_id, self.task_dict)
            raise NotFound(f"DAG {self.dag_id!r} has no task {task_id!r}{hint}")
        return task

    @property
    def roots(self) -> list[BaseOperator]:
        """Tasks that wait for no other."""
        return [task for task in self.task_dict.values() if not task.upstream_task_ids]

    @property
    def leaves(self) -> list[BaseOperator]:
        """Tasks that no other waits for."""
        return [task for task in self.task_dict.values() if not task.downstream_task_ids]

    def topological_sort(self) -> tuple[BaseOperator, ...]:
        """All tasks, each after those that it waits for. Raises :class:`CycleError` if that can't be."""
        upstream = {task.task_id: sorted(task.upstream_task_ids) for task in self.tasks}
        return tuple(self.task_dict[task_id] for task_id in topological_order(upstream))

    def test_cycle(self) -> None:
        """Raise :class:`CycleError`, naming the circle, if tasks wait for each other."""
        warn_of_older(f"DAG {self.dag_id!r}: test_cycle() is not needed: a circle is found when the file is read")
        self.topological_sort()

    # --- about the DAG -------------------------------------------------------------------------------------------

    @property
    def schedule_interval(self) -> Any:
        """Another name of :attr:`schedule`."""
        warn_of_older(f"DAG {self.dag_id!r}: schedule_interval is an older name: write schedule")
        return self.schedule

    @property
    def timetable(self) -> Timetable:
        """When it runs, as a timetable. Raises :class:`InvalidSchedule`."""
        from bide.authoring.schedules import timetable_of

        return timetable_of(self)

    @property
    def concurrency(self) -> int:
        """Another name of :attr:`max_active_tasks`."""
        warn_of_older(f"DAG {self.dag_id!r}: concurrency is an older name: write max_active_tasks")
        return self.max_active_tasks

    @property
    def timezone(self) -> dt.tzinfo:
        """The zone that the schedule is read in: that of `start_date`, else ``[core] default_timezone``."""
        zone = self.start_date.tzinfo if self.start_date is not None else None
        return zone or default_zone()

    @property
    def owner(self) -> str:
        """Owners of all tasks, separated by commas."""
        return ", ".join(sorted({task.owner for task in self.tasks}))

    @property
    def filepath(self) -> str:
        """The file that made this DAG."""
        return self.fileloc

    @property
    def folder(self) -> str:
        """The folder of that file."""
        return os.path.dirname(self.fileloc)  # noqa: PTH120

    @property
    def template_folders(self) -> list[str]:
        """Where template files are looked for: beside the DAG file, in the DAG folder, in `template_searchpath`."""
        folders = [self.folder, *([self.dags_folder] if self.dags_folder else []), *self.template_searchpath]
        return list(dict.fromkeys(folders))

    def get_template_env(self, *, force_sandboxed: bool = False) -> Any:
        """The Jinja environment of this DAG's templates."""
        from bide.authoring.templates import environment_for

        return environment_for(self)

    @property
    def task(self) -> Callable[..., Any]:
        """``@task`` for functions of this DAG."""
        from bide.authoring.taskflow import task  # which needs this module

        return functools.partial(task, dag=self)

    def param(self, name: str, default: Any = NO_VALUE) -> DagParam:
        """A stand-in for the run's value of parameter `name`, to be given to tasks."""
        return DagParam(self, name, default)

    def __repr__(self) -> str:
        return f"<DAG: {self.dag_id}>"


def _as_run_types(of: str, value: Any) -> tuple[str, ...]:
    """Kinds of runs, or none for all."""
    given = [value] if isinstance(value, str) else list(value or ())
    names = [str(getattr(one, "value", one)) for one in given]
    known = [one.value for one in RunType]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise InvalidArgument(f"{of}: unknown run type {name!r}{hint}; there are {', '.join(known)}")
    return tuple(sorted(set(names)))


def _limit(of: str, name: str, *values: Any, default: int = DEFAULT_MAX_ACTIVE) -> int:
    """The first of `values` that is given, else the setting ``[core] {name}_per_dag``."""
    value = next((value for value in values if value is not None), None)
    if value is None:
        return find_number("core", f"{name}_per_dag", default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidArgument(f"{of}: {name} must be an integer of zero or more, not {value!r}")
    return value


def _as_paths(of: str, value: str | Iterable[str] | None) -> list[str]:
    paths = [value] if isinstance(value, str) else list(value or ())
    for path in cast("list[Any]", paths):
        if not isinstance(path, str | os.PathLike):
            raise InvalidArgument(f"{of}: template_searchpath must be paths, not {path!r}")
    return [str(path) for path in paths]


def _as_tags(of: str, value: Collection[str] | None) -> set[str]:
    if isinstance(value, str):
        raise InvalidArgument(f"{of}: tags must be a list of strings, not the string {value!r}; write [{value!r}]")
    tags = set(value or ())
    for tag in cast("set[Any]", tags):
        if not isinstance(tag, str) or not tag:
            raise InvalidArgument(f"{of}: a tag must be a string of one character or more, not {tag!r}")
    return tags


def _calling_file() -> str:
    """The file of the innermost code outside of this package."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame.f_code.co_filename
