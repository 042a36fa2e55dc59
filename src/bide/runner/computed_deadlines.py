"""Deadlines that only the author's code can tell: references of one's own, intervals that are looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from bide.authoring.context import Context
from bide.authoring.deadlines import DeadlineAlert, KnownReference, alerts_of
from bide.authoring.moments import as_moment
from bide.model.errors import InvalidArgument, ProtocolError
from bide.runner.task_run import TaskRun
from bide.wire.deadline_messages import SetDeadline
from bide.wire.messages import Ok, Refused


def computed_deadlines(run: TaskRun, context: Context) -> Iterator[tuple[str, object, Callable[[], object]]]:
    """What to call for each: what it is for, whose code it is, and the call, which tells the engine."""
    for number, alert in enumerate(alerts_of(context["dag"])):
        if alert.spec().is_computed:
            yield (
                f"deadline {alert.name or number}",
                alert.reference,
                lambda number=number, alert=alert: _tell(run, number, alert, context["dag_run"]),
            )


def _tell(run: TaskRun, number: int, alert: DeadlineAlert, dag_run: Any) -> None:
    base: datetime | None = None
    if not isinstance(alert.reference, KnownReference):
        base = _moment(alert, alert.reference.evaluate(dag_run))
        if base is None:
            return
    told = SetDeadline(number, alert.seconds(), None if base is None else base.isoformat())
    reply = run.link.request(told)
    if isinstance(reply, Refused):
        raise InvalidArgument(reply.reason)
    if not isinstance(reply, Ok):
        raise ProtocolError(f"the engine answered SetDeadline with {type(reply).__name__}")


def _moment(alert: DeadlineAlert, found: object) -> datetime | None:
    name = type(alert.reference).__name__
    if found is not None and not isinstance(found, datetime):
        raise InvalidArgument(f"{name} must give a datetime or None, not {found!r}")
    return as_moment(found, name="moment", of=name)
