"""Waiting for runs of other DAGs, and for tasks of them, under Airflow's names. The engine says when they end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from bide.authoring.moments import as_moment
from bide.authoring.operator_checks import check_choice
from bide.authoring.other_runs import WatchTrigger
from bide.model.errors import InvalidArgument
from bide.model.states import RunState, TaskState
from bide.model.watching import is_final


class WorkflowTrigger(WatchTrigger):
    """Fires when runs of `external_dag_id`, or tasks of them, are all in `allowed_states`, by default success.

    One in `failed_states` or `skipped_states` fires it at once. The event's payload is a dict: ``status``
    (success, failed or skipped) and ``seen``, one line that says why. With `soft_fail` a failure counts as skipped.
    States must be final. Nothing polls: `poke_interval` is accepted and without effect.
    """

    def __init__(
        self,
        external_dag_id: str,
        run_ids: Sequence[str] | None = None,
        execution_dates: Sequence[str | dt.datetime] | None = None,
        logical_dates: Sequence[str | dt.datetime] | None = None,
        external_task_ids: Collection[str] | None = None,
        external_task_group_id: str | None = None,
        failed_states: Iterable[str] | None = None,
        skipped_states: Iterable[str] | None = None,
        allowed_states: Iterable[str] | None = None,
        poke_interval: float = 2.0,
        soft_fail: bool = False,
    ) -> None:
        of = type(self).__name__
        of_tasks = bool(external_task_ids) or external_task_group_id is not None
        failed = _final_states(of, "failed_states", failed_states or (), of_tasks=of_tasks)
        skipped = _final_states(of, "skipped_states", skipped_states or (), of_tasks=of_tasks)
        allowed = ("success",) if allowed_states is None else allowed_states
        super().__init__(
            external_dag_id,
            run_ids=tuple(run_ids or ()),
            logical_dates=_dates(of, logical_dates if logical_dates is not None else execution_dates or ()),
            task_ids=tuple(external_task_ids or ()),
            group_id=external_task_group_id,
            allowed=_final_states(of, "allowed_states", allowed, of_tasks=of_tasks),
            failed=() if soft_fail else failed,
            skipped=(*skipped, *failed) if soft_fail else skipped,
        )
        if not self.watch.run_ids and not self.watch.logical_dates:
            raise InvalidArgument(f"{of}: which runs of {external_dag_id!r}? Give run_ids or logical_dates")


class DagStateTrigger(WatchTrigger):
    """Fires when all of the runs `run_ids` (or those of `execution_dates`) of `dag_id` are in one of `states`.

    The payload is that of :class:`WorkflowTrigger`. States must be final; `poll_interval` is without effect.
    """

    def __init__(
        self,
        dag_id: str,
        states: Iterable[str],
        run_ids: Sequence[str] | None = None,
        execution_dates: Sequence[str | dt.datetime] | None = None,
        poll_interval: float = 5.0,
    ) -> None:
        of = type(self).__name__
        super().__init__(
            dag_id,
            run_ids=tuple(run_ids or ()),
            # Airflow's operators give both for the same runs.
            logical_dates=() if run_ids else _dates(of, execution_dates or ()),
            allowed=_final_states(of, "states", states, of_tasks=False),
        )
        if not self.watch.run_ids and not self.watch.logical_dates:
            raise InvalidArgument(f"{of}: which runs of {dag_id!r}? Give run_ids or execution_dates")


def _dates(of: str, given: Iterable[Any]) -> tuple[str, ...]:
    moments = [as_moment(one, name="logical_dates", of=of) for one in given]
    return tuple(moment.astimezone(dt.UTC).isoformat() for moment in moments if moment is not None)


def _final_states(of: str, name: str, given: Iterable[str], *, of_tasks: bool) -> tuple[str, ...]:
    if isinstance(given, str):
        raise InvalidArgument(f"{of}: {name} must be a list of states, not the string {given!r}; write [{given!r}]")
    states = tuple(str(getattr(state, "value", state)) for state in given)
    for state in states:
        check_choice(state, [one.value for one in (TaskState if of_tasks else RunState)], "state", of)
        if not is_final(state, of_tasks=of_tasks):
            raise InvalidArgument(
                f"{of}: {name}: {state!r} is not a final state, and nothing says when it is reached; "
                "look for it with ExternalTaskSensor(mode='reschedule')"
            )
    return states
