"""Events of triggers as they go to the engine."""

from __future__ import annotations

import copy
from typing import Any, TypeGuard

from bide.authoring.trigger import TaskEndEvent, TriggerEvent
from bide.authoring.xcom_storage import Place
from bide.model.errors import InvalidArgument
from bide.model.values import encode
from bide.runner.split_values import length_of
from bide.runner.stored_xcoms import goes_elsewhere, stored_xcom
from bide.wire.messages import Outcome, TriggerLoad


class _Stored(dict[str, tuple[bytes, int | None]]):
    """XComs of an event as they are stored, with their lengths."""


def place_of(load: TriggerLoad) -> Place:
    """Whose XComs those of the trigger's event are."""
    names = load.instance
    return Place(names.dag_id, names.run_id, names.task_id, names.map_index, load.try_number)


def takes_a_while(event: TriggerEvent) -> TypeGuard[TaskEndEvent]:
    """Whether :func:`with_stored_xcoms` has to be called apart from an event loop."""
    return isinstance(event, TaskEndEvent) and bool(event.xcoms) and goes_elsewhere()


def with_stored_xcoms(event: TaskEndEvent, place: Place) -> TaskEndEvent:
    """`event`, which others may have too, with its XComs stored as those that a worker pushes are."""
    made = copy.copy(event)
    made.xcoms = _stored(event.xcoms or {}, place)
    return made


def _stored(xcoms: dict[str, Any], place: Place) -> _Stored:
    return _Stored({key: (stored_xcom(place, key, value), length_of(value)) for key, value in xcoms.items()})


def outcome_of(event: object, trigger: str, *, must_end: bool = False, place: Place | None = None) -> Outcome:
    """The stored form of what the trigger class `trigger` has yielded, for the task instance at `place`.

    With `must_end` there is no method at which the task could go on, so that the event has to end it. Without a
    `place` XComs are not stored, but checked.

    Raises :class:`InvalidArgument` if it is no such event, :class:`~bide.model.errors.NotSerializable` with the
    path to a value that can't be stored.
    """
    if not isinstance(event, TriggerEvent):
        raise InvalidArgument(f"{trigger} must yield a TriggerEvent, not {type(event).__name__}")
    if must_end and not isinstance(event, TaskEndEvent):
        raise InvalidArgument(
            f"{trigger} yielded a TriggerEvent, but defer() was given no method_name to go on at: give it one, or "
            "yield TaskSuccessEvent, TaskFailedEvent or TaskSkippedEvent, which end the task"
        )
    payload = encode(event.payload, what=f"event of {trigger}")
    if isinstance(event, TaskEndEvent):
        given = event.xcoms or {}
        if not isinstance(given, _Stored):
            plain = {key: (encode(value, what=f"XCom {key} of {trigger}"), None) for key, value in given.items()}
            given = plain if place is None else _stored(given, place)
        return Outcome(
            kind=event.task_instance_state,
            payload=payload,
            xcoms={key: data for key, (data, _) in given.items()},
            lengths={key: length for key, (_, length) in given.items() if length is not None},
            key=event.key,
        )
    return Outcome(kind="event", payload=payload, key=event.key)
