"""What code of DAG authors may ask of the process it runs in.

The task runner, the trigger runner, the DAG parser and :mod:`bide.testing` each install a :class:`Runtime` in a
context variable; hooks, templates and ``context["ti"]`` ask the current one. There is no database behind it here.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from bide.model.errors import BideError

if TYPE_CHECKING:
    from bide.authoring.asset_events import AssetEvent
    from bide.model.assets import AssetMention
    from bide.model.connection_fields import ConnectionFields
    from bide.model.watching import Verdict, Watch

#: Name spaces of task state: handles of external jobs, and what tasks write down themselves.
StateKind = Literal["job", "user"]


class XComRecord(NamedTuple):
    """One stored XCom, decoded."""

    task_id: str
    map_index: int
    value: Any


class FoundVariable(NamedTuple):
    """A variable's value, and whether it is to be masked in logs."""

    value: str
    is_secret: bool


class Narrowed(NamedTuple):
    """Which events of an asset are asked for. Moments count themselves."""

    after: datetime | None = None
    before: datetime | None = None
    ascending: bool = True
    limit: int | None = None


class Runtime(Protocol):
    """The services of the surrounding process."""

    def now(self) -> datetime:
        """The current moment in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring spans."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let so much time go by in this thread."""
        ...

    def setting(self, section: str, key: str) -> str | None:
        """A setting that user code may see, as text; None if it is not set."""
        ...

    def push_xcom(self, key: str, value: Any) -> None:
        """Store `value` for the running task instance; durable on return.

        Raises :class:`~bide.model.errors.NotSerializable` with the path of what can't be stored.
        """
        ...

    def replaying(
        self, inputs: Mapping[str, Any], *, replay: bool
    ) -> AbstractContextManager[Mapping[str, Any] | None]:
        """A context in which the task's function may use ``wait()`` and ``step()``.

        `inputs` are what the function is called with, if it never waited; else the context has what they were then.
        Without `replay` nothing is taken over from earlier tries.
        """
        ...

    def pull_xcoms(
        self,
        task_ids: Sequence[str],
        key: str | None,
        *,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_indexes: Sequence[int] | None = None,
        include_prior_dates: bool = False,
    ) -> list[XComRecord]:
        """Stored values, by task id in the order asked, then by map index. Missing ones are left out.

        None for `key`: the newest value of each instance, under whatever key.
        """
        ...

    def xcom_element(self, task_id: str, key: str, position: int, *, stamp: str) -> Any:
        """One element of a list or dict that a task of this run has left; `stamp` tells it from an earlier one."""
        ...

    def mapped_xcoms(self, task_id: str, key: str, first: int, number: int) -> list[Any]:
        """Of what the instances of a mapped task of this run have left, `number` values from the `first` on."""
        ...

    def count_mapped_xcoms(self, task_id: str, key: str) -> int:
        """How many instances of a mapped task of this run have left a value."""
        ...

    def callback_url(self, name: str) -> str:
        """A URL that sends the signal `name` to the running task instance."""
        ...

    def get_task_state(self, kind: StateKind, key: str, default: Any = None) -> Any:
        """What :meth:`set_task_state` stored in this or an earlier try, or `default`."""
        ...

    def set_task_state(self, kind: StateKind, key: str, value: Any) -> None:
        """Store `value` for the later tries of the running task instance; durable on return."""
        ...

    def delete_task_state(self, kind: StateKind, key: str | None) -> None:
        """Forget one key, or all of `kind`."""
        ...

    def find_connection(self, conn_id: str) -> ConnectionFields | None:
        """What the engine knows of a connection; None if it knows of none."""
        ...

    def find_variable(self, key: str) -> FoundVariable | None:
        """What the engine knows of a variable; None if it knows of none."""
        ...

    def set_variable(self, key: str, value: str, description: str | None, is_secret: bool | None) -> None:
        """Set a variable; durable on return. None leaves description and mark as they are."""
        ...

    def delete_variable(self, key: str) -> bool:
        """Forget a variable; whether there was one."""
        ...

    def start_run(self, dag_id: str, **options: Any) -> tuple[str, str, bool]:
        """Make a run of another DAG: its id, whether it was ``made``, ``reset``, or ``exists`` already, and whether
        its DAG is paused.

        `options` are `run_id`, `conf`, `logical_date`, `run_after`, `reset`, `refuse_paused` and `note`.
        """
        ...

    def look_at(self, watch: Watch, *, check_existence: bool = False) -> tuple[Verdict, str]:
        """What other runs have come to, and what of them does not exist, if that is to be checked."""
        ...

    def asset_events(self, of: AssetMention, asked: Narrowed) -> list[AssetEvent]:
        """Events of what `of` names, by time."""
        ...

    def triggering_events(self) -> list[AssetEvent]:
        """The events of assets that the run was made by, by time."""
        ...

    def get_asset_state(self, of: AssetMention, key: str, default: Any) -> Any:
        """What is kept under `key` with an asset, or `default`."""
        ...

    def set_asset_state(self, of: AssetMention, key: str, value: Any) -> None:
        """Keep a value with an asset; durable on return."""
        ...

    def delete_asset_state(self, of: AssetMention, key: str | None) -> None:
        """Forget one key of an asset, or all."""
        ...

    def earlier_run(self, state: str | None) -> RunRecord | None:
        """The run of the own DAG with the next earlier logical date, of those in `state` if that is given."""
        ...

    def find_runs(self, asked: RunsAsked) -> list[RunRecord]:
        """The newest runs that fit (at most 1,000), the newest first: by logical date if that is said to be in a
        span, else by when they may start."""
        ...

    def find_instances(self, runs: RunsAsked, asked: InstancesAsked) -> list[InstanceRecord]:
        """The task instances that fit in those runs, the newest run first."""
        ...


class RunsAsked(NamedTuple):
    """What is said of the runs that are asked for; None and empty: nothing."""

    dag_id: str
    run_ids: Sequence[str] | None = None
    logical_dates: Sequence[datetime] | None = None
    #: Logical dates from and up to these.
    first: datetime | None = None
    last: datetime | None = None
    states: Sequence[str] = ()
    run_types: Sequence[str] = ()
    limit: int = 1000


class InstancesAsked(NamedTuple):
    """What is said of task instances; None and empty: nothing."""

    task_ids: Sequence[str] | None = None
    group_id: str | None = None
    map_index: int | None = None
    states: Sequence[str] = ()


class InstanceRecord(NamedTuple):
    """A task instance as it is in the store. Moments are in UTC."""

    run_id: str
    task_id: str
    map_index: int
    state: str
    try_number: int
    max_tries: int
    operator: str
    queue: str
    pool: str
    pool_slots: int
    priority_weight: int
    logical_date: datetime | None
    queued_at: datetime | None
    start_date: datetime | None
    end_date: datetime | None


class RunRecord(NamedTuple):
    """A run as it is in the store. Moments are in UTC."""

    dag_id: str
    run_id: str
    run_type: str
    state: str
    conf: dict[str, Any]
    logical_date: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    run_after: datetime
    start_date: datetime | None
    end_date: datetime | None


class NoRuntime(BideError):
    """Something was asked that only a running task can have."""


_current: ContextVar[Runtime] = ContextVar("bide_runtime")
#: Of threads that user code starts, which begin with an empty context: the last one counts. There are several where
#: tasks run in threads of one process; they end in any order.
_of_all_threads: tuple[Runtime, ...] = ()
_lock = Lock()


def current_runtime() -> Runtime:
    """The runtime of this process; :class:`NoRuntime` outside of a task, trigger, parse or test."""
    try:
        return _current.get()
    except LookupError:
        if _of_all_threads:
            return _of_all_threads[-1]
        raise NoRuntime(
            "this can only be asked while a task, trigger or DAG file runs under Bide, "
            "or in a test through bide.testing"
        ) from None


def in_runtime() -> bool:
    """Whether code runs under Bide here: a task, a trigger, or a DAG file that is being imported."""
    return bool(_of_all_threads) or _current.get(None) is not None


@contextmanager
def use_runtime(runtime: Runtime, *, in_all_threads: bool = False) -> Generator[None]:
    """Make `runtime` the current one; with `in_all_threads` also for threads that user code starts."""
    global _of_all_threads  # noqa: PLW0603  # new threads begin with an empty context
    token = _current.set(runtime)
    if in_all_threads:
        with _lock:
            _of_all_threads = (*_of_all_threads, runtime)
    try:
        yield
    finally:
        if in_all_threads:
            with _lock:
                _of_all_threads = tuple(one for one in _of_all_threads if one is not runtime)
        _current.reset(token)
