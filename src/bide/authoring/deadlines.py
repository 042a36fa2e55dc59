"""Deadlines: ``deadline=`` of DAGs, and what ``sla_miss_callback`` is told."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from bide.authoring.moments import as_moment
from bide.model.deadlines import DeadlineSpec, Reference
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    from bide.authoring.dag import DAG


@dataclass(frozen=True)
class BaseDeadlineReference:
    """What a deadline is counted from: one of those of :class:`DeadlineReference`."""

    kind: Reference
    at: str | None = None
    max_runs: int = 10
    min_runs: int = 10


class DeadlineReference:
    """What a deadline may be counted from."""

    #: The logical date of the run.
    DAGRUN_LOGICAL_DATE: ClassVar[BaseDeadlineReference] = BaseDeadlineReference("logical_date")
    #: The moment at which the run was made.
    DAGRUN_QUEUED_AT: ClassVar[BaseDeadlineReference] = BaseDeadlineReference("queued_at")

    @classmethod
    def FIXED_DATETIME(cls, datetime: dt.datetime) -> BaseDeadlineReference:  # Airflow's name
        """One and the same moment for all runs."""
        at = as_moment(datetime, name="FIXED_DATETIME", of="DeadlineReference")
        if at is None:
            raise InvalidArgument("DeadlineReference.FIXED_DATETIME needs a datetime")
        return BaseDeadlineReference("fixed", at=at.astimezone(dt.UTC).isoformat())

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
        return BaseDeadlineReference("average_runtime", max_runs=max_runs, min_runs=least)


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
    with ``deadline`` (``id``, ``deadline_time``, ``alert_name``).
    """

    def __init__(
        self,
        reference: BaseDeadlineReference,
        interval: dt.timedelta,
        callback: DeadlineCallback,
        name: str | None = None,
    ) -> None:
        if not isinstance(reference, BaseDeadlineReference):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"reference= must be one of DeadlineReference, not {reference!r}")
        if not isinstance(interval, dt.timedelta):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"interval= must be a timedelta, not {interval!r}")
        if not isinstance(callback, DeadlineCallback):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"callback= must be an AsyncCallback or a SyncCallback, not {callback!r}")
        self.reference = reference
        self.interval = interval
        self.callback = callback
        self.name = name

    def spec(self) -> DeadlineSpec:
        """What the engine stores of it."""
        return DeadlineSpec(
            reference=self.reference.kind,
            interval=self.interval.total_seconds(),
            name=self.name or "",
            at=self.reference.at,
            max_runs=self.reference.max_runs,
            min_runs=self.reference.min_runs,
        )


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
