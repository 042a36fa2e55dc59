"""Deadlines: ``deadline=`` of DAGs, and what ``sla_miss_callback`` is told."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from bide.authoring.calling import accepted_arguments
from bide.authoring.moments import as_moment
from bide.authoring.variable import Variable
from bide.model.deadlines import DeadlineSpec, Reference
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.instance import DagRun

R = TypeVar("R", bound="BaseDeadlineReference")


class SupportsResolve(Protocol):
    """An interval that is known when a run is made."""

    def resolve(self) -> dt.timedelta:
        """The interval."""
        ...


class BaseDeadlineReference:
    """What a deadline is counted from: one of :class:`DeadlineReference`, or a class of one's own.

    Such a class writes :meth:`evaluate`, or as in Airflow ``_evaluate_with(self, *, dag_run, ...)``.
    It is asked in a task runner when a run is made, and again when a run that has ended is cleared.
    """

    #: What it takes, in Airflow's classes; Bide gives them what they name.
    required_kwargs: ClassVar[set[str]] = set()

    def evaluate(self, dag_run: DagRun) -> dt.datetime | None:
        """The moment from which the deadline of `dag_run` is counted; None for no deadline."""
        evaluate: Any = getattr(self, "_evaluate_with", None)
        if evaluate is None:
            raise NotImplementedError(f"{type(self).__name__} has no evaluate(self, dag_run)")
        told = {
            "dag_run": dag_run,
            "dag_id": dag_run.dag_id,
            "run_id": dag_run.run_id,
            "logical_date": dag_run.logical_date,
            "session": None,  # user code has no database
        }
        lacking = sorted(self.required_kwargs - set(told))
        if lacking:
            raise InvalidArgument(
                f"{type(self).__name__} requires {', '.join(lacking)}; there are {', '.join(told)}"
            )
        return evaluate(**accepted_arguments(evaluate, (), told, {}))


@dataclass(frozen=True)
class KnownReference(BaseDeadlineReference):
    """One that the engine knows itself."""

    kind: Reference
    at: str | None = None
    max_runs: int = 10
    min_runs: int = 10


@dataclass(frozen=True)
class VariableInterval:
    """An interval that is looked up when a run is made: the variable `key` has it, in seconds."""

    key: str

    def resolve(self) -> dt.timedelta:
        """What the variable says now. Raises :class:`InvalidArgument` if that is no number."""
        text = Variable.get(self.key)
        try:
            return dt.timedelta(seconds=float(text))
        except (ValueError, OverflowError):
            raise InvalidArgument(
                f"the variable {self.key!r}, an interval of a deadline, must be a number of seconds"
            ) from None


class DeadlineReference:
    """What a deadline may be counted from."""

    #: The logical date of the run.
    DAGRUN_LOGICAL_DATE: ClassVar[BaseDeadlineReference] = KnownReference("logical_date")
    #: The moment at which the run was made, or cleared.
    DAGRUN_QUEUED_AT: ClassVar[BaseDeadlineReference] = KnownReference("queued_at")

    class TYPES:
        """When a reference of one's own is asked, as Airflow names it; here both mean the making of the run."""

        DAGRUN_CREATED: ClassVar[tuple[str, ...]] = ("created",)
        DAGRUN_QUEUED: ClassVar[tuple[str, ...]] = ("queued",)
        DAGRUN: ClassVar[tuple[str, ...]] = ("created", "queued")

    @classmethod
    def register_custom_reference(cls, reference_class: type[R], deadline_reference_type: Any = None) -> type[R]:
        """Make a class of one's own available as ``DeadlineReference.ITS_NAME``; one of TYPES may be said."""
        if not issubclass(reference_class, BaseDeadlineReference):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"{reference_class.__name__} is no subclass of BaseDeadlineReference")
        if reference_class.__init__ is object.__init__:
            setattr(cls, reference_class.__name__, reference_class())
        else:  # it has arguments: DeadlineReference.NAME(...)
            setattr(cls, reference_class.__name__, reference_class)
        return reference_class

    @classmethod
    def FIXED_DATETIME(cls, datetime: dt.datetime) -> BaseDeadlineReference:  # Airflow's name
        """One and the same moment for all runs."""
        at = as_moment(datetime, name="FIXED_DATETIME", of="DeadlineReference")
        if at is None:
            raise InvalidArgument("DeadlineReference.FIXED_DATETIME needs a datetime")
        return KnownReference("fixed", at=at.astimezone(dt.UTC).isoformat())

    @classmethod
    def AVERAGE_RUNTIME(cls, max_runs: int = 10, min_runs: int | None = None) -> BaseDeadlineReference:
        """What the last `max_runs` successful runs took on average, from the making of the run on.

        With less than `min_runs` (by default `max_runs`) of them there is no deadline.
        """
        least = max_runs if min_runs is None else min_runs
        if max_runs < 1 or not 1 <= least <= max_runs:
            raise InvalidArgument(
                f"AVERAGE_RUNTIME needs 1 <= min_runs <= max_runs, not min_runs={min_runs!r}, max_runs={max_runs!r}"
            )
        return KnownReference("average_runtime", max_runs=max_runs, min_runs=least)


def deadline_reference(reference_class: Any = None) -> Any:
    """Decorator of reference classes: :meth:`DeadlineReference.register_custom_reference`.

    Written bare, with parentheses, or with one of ``DeadlineReference.TYPES``.
    """
    if isinstance(reference_class, type):
        return DeadlineReference.register_custom_reference(cast("type[BaseDeadlineReference]", reference_class))
    return DeadlineReference.register_custom_reference


class DeadlineCallback:
    """What is called when a deadline is missed: a function, a notifier class, or the path of one."""

    def __init__(self, callback_callable: Callable[..., Any] | str, kwargs: dict[str, Any] | None = None) -> None:
        if not callable(callback_callable) and not (
            isinstance(callback_callable, str) and "." in callback_callable.strip(".")  # pyright: ignore[reportUnnecessaryIsInstance]
        ):
            raise InvalidArgument(
                f"a deadline's callback must be a function, or its path like 'my_module.alert', "
                f"not {callback_callable!r}"
            )
        self.path = callback_callable if isinstance(callback_callable, str) else ""
        self.function = None if isinstance(callback_callable, str) else callback_callable
        self.kwargs = dict(kwargs or {})

    def resolve(self) -> Callable[..., Any]:
        """The function or class. Raises :class:`InvalidArgument` if its path leads to none."""
        if self.function is not None:
            return self.function
        module, _, name = self.path.rpartition(".")
        found = getattr(importlib.import_module(module), name, None)
        if not callable(found):
            raise InvalidArgument(f"the deadline's callback {self.path!r} is no function")
        return found


class AsyncCallback(DeadlineCallback):
    """An async function or a notifier."""


class SyncCallback(DeadlineCallback):
    """A function or a notifier. `executor` is Airflow's."""

    def __init__(
        self,
        callback_callable: Callable[..., Any] | str,
        kwargs: dict[str, Any] | None = None,
        executor: str | None = None,
    ) -> None:
        super().__init__(callback_callable, kwargs)
        self.executor = executor


class DeadlineAlert:
    """A run should have succeeded `interval` after `reference`; else `callback` is called, once.

    It gets its own `kwargs`, in which templates are filled in, and `context` if it takes that: the run's context
    with ``deadline`` (``id``, ``deadline_time``, ``alert_name``). `interval` is a timedelta, a
    :class:`VariableInterval`, or another object with ``resolve()``, which is called when a run is made.
    """

    def __init__(
        self,
        reference: BaseDeadlineReference,
        interval: dt.timedelta | SupportsResolve,
        callback: DeadlineCallback,
        name: str | None = None,
    ) -> None:
        if not isinstance(reference, BaseDeadlineReference):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"reference= must be one of DeadlineReference, not {reference!r}")
        if not isinstance(interval, dt.timedelta) and not callable(getattr(interval, "resolve", None)):
            raise InvalidArgument(f"interval= must be a timedelta or a VariableInterval, not {interval!r}")
        if not isinstance(callback, DeadlineCallback):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"callback= must be an AsyncCallback or a SyncCallback, not {callback!r}")
        self.reference = reference
        self.interval = interval
        self.callback = callback
        self.name = name

    def spec(self) -> DeadlineSpec:
        """What the engine stores of it."""
        known = self.reference if isinstance(self.reference, KnownReference) else KnownReference("custom")
        is_fixed = isinstance(self.interval, dt.timedelta)
        return DeadlineSpec(
            reference=known.kind,
            interval=cast("dt.timedelta", self.interval).total_seconds() if is_fixed else 0.0,
            name=self.name or "",
            at=known.at,
            max_runs=known.max_runs,
            min_runs=known.min_runs,
            is_computed=known.kind == "custom" or not is_fixed,
        )

    def seconds(self) -> float:
        """The interval, as it is now. Raises :class:`InvalidArgument` if it is none."""
        found: Any = self.interval if isinstance(self.interval, dt.timedelta) else self.interval.resolve()
        if not isinstance(found, dt.timedelta):
            raise InvalidArgument(f"{self.interval!r} must resolve to a timedelta, not {found!r}")
        return found.total_seconds()


def alerts_of(dag: DAG) -> list[DeadlineAlert]:
    """The deadline alerts of a DAG. Raises :class:`InvalidArgument` for what is none."""
    given: Any = dag.deadline
    found = (
        [] if given is None else list(cast("Iterable[Any]", given)) if isinstance(given, list | tuple) else [given]
    )
    for one in found:
        if not isinstance(one, DeadlineAlert):
            raise InvalidArgument(f"DAG {dag.dag_id!r}: deadline= must be DeadlineAlerts, not {one!r}")
    return found


@dataclass(frozen=True)
class SlaMiss:
    """An ``sla=`` that was missed, as ``sla_miss_callback`` gets it in `slas`."""

    dag_id: str
    task_id: str
    run_id: str
    #: The logical date of the run.
    execution_date: Any
    #: By when the task should have succeeded.
    due_at: Any
    #: When that was noticed.
    timestamp: Any
    email_sent: bool = False
    notification_sent: bool = False
    description: str | None = None


@dataclass(frozen=True)
class BlockingTask:
    """A task instance that has not succeeded, as ``sla_miss_callback`` gets it in `blocking_tis`."""

    dag_id: str
    task_id: str
    run_id: str
    map_index: int
    execution_date: Any
    state: str
    try_number: int
    start_date: Any
    #: The task, if the DAG still has it.
    task: Any = None

    @property
    def logical_date(self) -> Any:
        """Another name of `execution_date`."""
        return self.execution_date
