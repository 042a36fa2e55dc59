"""What a running task knows of itself: the ``context`` of ``execute``, of callables, of templates and callbacks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Container, Generator, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from bide.authoring import templates
from bide.authoring.asset_events import InletEvents, OutletEvents, TriggeringEvents
from bide.authoring.asset_state import AssetStates
from bide.authoring.callback_url import callback_url
from bide.authoring.instance import DagRun as DagRun
from bide.authoring.instance import TaskInstance as TaskInstance
from bide.authoring.neighbours import neighbour_names
from bide.authoring.older_names import CONTEXT_NAMES, warn_of_older
from bide.authoring.params import merge_params
from bide.authoring.runtime import NoRuntime
from bide.authoring.task_state import TaskStateStore
from bide.model.errors import InvalidArgument
from bide.model.run_types import RunType

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.operator import BaseOperator


class _NameSeen(str):
    """An older name, as it comes up when somebody goes through all names."""


class Context(MutableMapping[str, Any]):
    """Names and values; some are only made when they are asked for."""

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        lazy: Mapping[str, Callable[[], Any]] | None = None,
        by_name: Mapping[str, Callable[[], Any]] | None = None,
    ):
        self._values: dict[str, Any] = dict(values or {})
        self._lazy: dict[str, Callable[[], Any]] = dict(lazy or {})
        #: What costs something: there for who names it, but not for who goes through all.
        self.by_name: dict[str, Callable[[], Any]] = dict(by_name or {})

    #: Names that other versions of the context have, and that nothing here can tell yet.
    UNKNOWN: ClassVar = frozenset(
        {
            "task_reschedule_count",
        }
    )

    def __getitem__(self, key: str) -> Any:
        # Whoever goes through all names uses none of them.
        if key in CONTEXT_NAMES and type(key) is not _NameSeen:
            warn_of_older(f"the context's {key!r} is an older name: write {CONTEXT_NAMES[key]}")
        if key not in self._values and key in self._lazy:
            self._values[key] = self._lazy.pop(key)()
        if key in self.by_name and key not in self._values:
            return self.by_name[key]()
        if key in self.UNKNOWN and key not in self._values:
            # Better than a None that looks like "there was no run before".
            raise NoRuntime(f"the context can't tell {key!r}: this version of Bide does not keep it")
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._lazy.pop(key, None)
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        if self._lazy.pop(key, None) is None:
            del self._values[key]

    def __contains__(self, key: object) -> bool:
        return any(key in names for names in (self._values, self._lazy, self.by_name, self.UNKNOWN))

    def __iter__(self) -> Iterator[str]:
        for name in (*self._values, *self._lazy):
            yield _NameSeen(name) if name in CONTEXT_NAMES else name

    def __len__(self) -> int:
        return len(self._values) + len(self._lazy)

    def copy(self) -> Context:
        """Another context with the same values."""
        return Context(self._values, self._lazy, self.by_name)

    def __repr__(self) -> str:
        return f"Context({', '.join(self)})"


def build_context(*, task: BaseOperator, dag: DAG, dag_run: DagRun, task_instance: TaskInstance) -> Context:
    """The context of one run of `task`.

    Raises :class:`InvalidArgument` for a parameter without any value.
    """
    logical = dag_run.logical_date
    by_assets = dag_run.run_type == RunType.ASSET_TRIGGERED
    try:
        params = merge_params(dag.params, task.params, dag_run.conf)
    except InvalidArgument as error:
        raise InvalidArgument(f"DAG {dag.dag_id!r}: {error}") from None
    values: dict[str, Any] = {
        "dag": dag,
        "dag_run": dag_run,
        "data_interval_start": dag_run.data_interval_start,
        "data_interval_end": dag_run.data_interval_end,
        "inlets": task.inlets,
        "outlets": task.outlets,
        "logical_date": logical,
        "execution_date": logical,
        "map_index_template": task.map_index_template,
        "params": params,
        "run_id": dag_run.run_id,
        "start_date": dag_run.start_date,
        "task": task,
        "task_instance": task_instance,
        "ti": task_instance,
        "try_number": task_instance.try_number,
        "templates_dict": None,
        "test_mode": False,
    }
    lazy: dict[str, Callable[[], Any]] = {
        "callback_url": lambda: callback_url,
        "inlet_events": lambda: InletEvents(task.inlets),
        "outlet_events": lambda: OutletEvents(task.outlets),
        "triggering_asset_events": lambda: TriggeringEvents(by_assets),
        "triggering_dataset_events": lambda: TriggeringEvents(by_assets, by_uri=True),
        "asset_state_store": lambda: AssetStates(task.inlets, task.outlets),
        "conf": _settings,
        "task_state_store": TaskStateStore,
        "macros": _macros,
        "task_instance_key_str": lambda: task_instance.task_instance_key_str,
        "var": _variables,
        "conn": _connections,
        # As in Airflow 3, a run without logical date has these of the moment after which it may run.
        **_date_names(logical or dag_run.run_after),
    }
    context = Context(values, lazy, neighbour_names(dag, dag_run, task_instance))
    dag_run.dag, task_instance.context = dag, context
    return context


def _settings() -> Any:
    return import_module("bide.standard.configuration").conf  # settings as DAG files read them


def _variables() -> Any:
    from bide.authoring.accessors import VariableAccess

    return VariableAccess()


def _connections() -> Any:
    from bide.authoring.accessors import ConnectionAccess

    return ConnectionAccess()


def _macros() -> Any:
    from bide.authoring import macros

    return macros


def _date_names(moment: dt.datetime | None) -> dict[str, Callable[[], Any]]:
    return {
        "ds": lambda: templates.format_ds(moment),
        "ds_nodash": lambda: templates.format_ds_nodash(moment),
        "ts": lambda: templates.format_ts(moment),
        "ts_nodash": lambda: templates.format_ts_nodash(moment),
        "ts_nodash_with_tz": lambda: templates.format_ts_nodash_with_tz(moment),
    }


_current: ContextVar[Context] = ContextVar("bide_context")


@contextmanager
def use_context(context: Context) -> Generator[None]:
    """Make `context` what :func:`get_current_context` gives inside."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


def get_current_context() -> Context:
    """The context of the task that is running; :class:`NoRuntime` outside of one."""
    try:
        return _current.get()
    except LookupError:
        raise NoRuntime("there is no current context: no task is running here") from None


def context_merge(context: MutableMapping[str, Any], *given: Any, **named: Any) -> None:
    """Add to `context` what a mapping, pairs and keyword arguments have."""
    context.update(*given, **named)


def context_copy_partial(source: Context, keys: Container[str]) -> Context:
    """A context with those names of `source` that `keys` has."""
    kept = source.copy()
    for name in list(kept):
        if name not in keys:
            del kept[name]
    return kept
