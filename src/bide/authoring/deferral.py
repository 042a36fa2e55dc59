"""Leaving the worker in the middle of a task: to wait for a trigger, or to be looked at again later.

Both signals are no errors: they derive from BaseException, so that ``except Exception`` in a task does not stop
them.
"""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable
from typing import Any, cast

from bide.authoring.hints import did_you_mean
from bide.authoring.moments import as_seconds, aware
from bide.authoring.trigger import BaseTrigger
from bide.model.errors import InvalidArgument


class TaskDeferred(BaseException):
    """Raised by :meth:`BaseOperator.defer`, or by hand with the same arguments.

    `trigger` is an instance of a :class:`BaseTrigger`. `method_name` is the operator's method that goes on when the
    trigger fires; None if the trigger itself ends the task. `kwargs` reach that method beside ``context`` and
    ``event``. `timeout`, a timedelta or seconds, fails the deferral when it is over; None waits for ever.
    """

    def __init__(
        self,
        trigger: BaseTrigger,
        method_name: str | None = None,
        kwargs: dict[str, Any] | None = None,
        timeout: dt.timedelta | float | None = None,
    ) -> None:
        super().__init__(f"deferred to {type(trigger).__name__}")
        check_trigger(trigger)
        if method_name is not None and not isinstance(method_name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"defer: method_name must be the name of a method, not {method_name!r}")
        if not _is_keywords(kwargs):
            raise InvalidArgument(f"defer: kwargs must be a dict with names as keys, not {type(kwargs).__name__}")
        for reserved in ("event", "context"):
            if kwargs and reserved in kwargs:
                raise InvalidArgument(f"defer: kwargs can't have {reserved!r}: the resumed method gets that anyway")
        self.trigger = trigger
        self.method_name = method_name
        self.kwargs = kwargs
        self.timeout = timeout
        #: Seconds, or None.
        self.timeout_seconds = as_seconds(timeout, name="timeout", of="defer")


class TaskRescheduled(BaseException):
    """The task gives its slot back and begins again at `reschedule_date`; the try goes on."""

    def __init__(self, reschedule_date: dt.datetime) -> None:
        super().__init__(f"rescheduled to {reschedule_date.isoformat()}")
        self.reschedule_date = aware(reschedule_date)


def _is_keywords(kwargs: Any) -> bool:
    return kwargs is None or (
        isinstance(kwargs, dict) and all(isinstance(key, str) for key in cast("dict[Any, Any]", kwargs))
    )


def check_trigger(trigger: object) -> None:
    """Raise :class:`InvalidArgument` unless `trigger` is a trigger."""
    if isinstance(trigger, BaseTrigger):
        return
    if isinstance(trigger, type) and issubclass(trigger, BaseTrigger):
        name = trigger.__name__
        raise InvalidArgument(f"defer: trigger must be an instance, not the class {name}: write {name}(...)")
    raise InvalidArgument(f"defer: trigger must be an instance of a BaseTrigger, not {trigger!r}")


def check_resume_method(operator: object, method_name: str | None, kwargs: dict[str, Any] | None = None) -> None:
    """Raise :class:`InvalidArgument` unless `operator` can be resumed at `method_name` with `kwargs`."""
    if method_name is None:
        return
    cls = type(operator).__name__
    method = getattr(operator, method_name, None)
    if not callable(method):
        methods = [name for name in dir(type(operator)) if not name.startswith("__")]
        hint = did_you_mean(method_name, methods)
        raise InvalidArgument(f"defer: {cls} has no method {method_name!r} to be resumed at{hint}")
    try:
        parameters = inspect.signature(method).parameters
    except (TypeError, ValueError):  # a callable without a signature, as some C functions are
        return
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    by_name = {
        name
        for name, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    given = ["context", "event", *(kwargs or {})]
    # Those two are left out for a method that has no use for them; what defer() was given must arrive.
    unknown = [] if takes_any else [name for name in kwargs or {} if name not in by_name]
    if unknown:
        missing = " and ".join(repr(name) for name in unknown)
        raise InvalidArgument(
            f"defer: {cls}.{method_name}() does not accept {missing}: it is called with "
            f"{', '.join(given)} by keyword, so write it as def {method_name}(self, {', '.join(given)})"
        )
    needed = [
        name
        for name, parameter in parameters.items()
        if name not in given
        and parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    if needed:
        raise InvalidArgument(
            f"defer: {cls}.{method_name}() needs {', '.join(map(repr, needed))}, which kwargs= does not give; "
            "the context and the payload of the event come as context and event"
        )


def resume_arguments(method: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """What of `given` to call `method` with: ``context`` and ``event`` only if it takes them."""
    try:
        parameters = inspect.signature(method).parameters
    except (TypeError, ValueError):  # a callable without a signature, as some C functions are
        return given
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return given
    return {name: value for name, value in given.items() if name in parameters or name not in ("context", "event")}
