"""Events of triggers as they go to the engine."""

from __future__ import annotations

from bide.authoring.trigger import TaskEndEvent, TriggerEvent
from bide.model.errors import InvalidArgument
from bide.model.values import encode
from bide.wire.messages import Outcome


def outcome_of(event: object, trigger: str, *, must_end: bool = False) -> Outcome:
    """The stored form of what the trigger class `trigger` has yielded.

    With `must_end` there is no method at which the task could go on, so that the event has to end it.

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
        xcoms = {key: encode(value, what=f"XCom {key} of {trigger}") for key, value in (event.xcoms or {}).items()}
        return Outcome(kind=event.task_instance_state, payload=payload, xcoms=xcoms, key=event.key)
    return Outcome(kind="event", payload=payload, key=event.key)
