"""From ``TaskDeferred`` to a wait that the engine can keep."""

from __future__ import annotations

import datetime as dt
import inspect
import logging
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from bide.authoring.composition import CombinedTrigger
from bide.authoring.deferral import TaskDeferred, check_resume_method
from bide.authoring.hints import did_you_mean
from bide.authoring.human import HumanTrigger
from bide.authoring.journal import TaskSuspended
from bide.authoring.operator import BaseOperator
from bide.authoring.other_runs import WatchTrigger
from bide.authoring.stream import StreamTrigger, shares_consumer
from bide.authoring.trigger import BaseTrigger, PollTrigger, SignalTrigger, TimerTrigger, trigger_kind
from bide.model.dag_modules import shown
from bide.model.errors import AuthoringError, InvalidArgument
from bide.model.storable_text import storable
from bide.model.values import encode
from bide.observe.masking import mask
from bide.runner.failures import one_line
from bide.runner.kept_attributes import KEY
from bide.runner.outcomes import outcome_of
from bide.runner.resolve import LoadDagFile, resolve_trigger
from bide.runner.wait_groups import group_key, queue_of, shared_stream_group
from bide.wire.messages import Defer, Outcome, WaitSpec

_log = logging.getLogger("bide.runner")

#: Characters of the line that says what is waited for.
_LONGEST_SUBJECT: Final = 300


def arm(
    deferred: TaskDeferred,
    task: BaseOperator,
    dag_file: str,
    load: LoadDagFile,
    *,
    kept: Mapping[str, Any] | None = None,
) -> Defer:
    """What to tell the engine about a deferral of `task`, which has its attributes `kept` again when it goes on.

    Raises an :class:`AuthoringError` for a deferral that can't be, with the traceback of the line that deferred.
    """
    try:
        journal = deferred.entries if isinstance(deferred, TaskSuspended) else ()
        if not journal:
            check_resume_method(task, deferred.method_name, deferred.kwargs)
        return Defer(
            wait=wait_spec(deferred.trigger, dag_file, load, must_end=deferred.method_name is None, task=task),
            method=deferred.method_name,
            kwargs=encode({**(deferred.kwargs or {}), **({KEY: kept} if kept else {})}, what="defer(kwargs=)"),
            timeout=deferred.timeout_seconds,
            journal=journal,
        )
    except AuthoringError as error:
        raise error.with_traceback(deferred.__traceback__) from error.__cause__


def says(defer: Defer) -> str:
    """One line for the task's log."""
    wait = defer.wait
    how = f"{wait.kind}, every {wait.interval:g} s" if wait.interval is not None else wait.kind
    if defer.journal:
        how = f"{how}; {defer.journal[-1].line}"
    then = f", then {defer.method}()" if defer.method is not None and not defer.journal else ""
    return f"waiting: {wait.subject} ({how}){then}"


def wait_spec(
    trigger: BaseTrigger,
    dag_file: str,
    load: LoadDagFile,
    *,
    must_end: bool = False,
    task: BaseOperator | None = None,
) -> WaitSpec:
    """The wait for `trigger`: of the class that its ``serialize()`` names, which need not be its own.

    With `must_end` the task has no method to go on at. `task` is who waits.
    Raises :class:`InvalidArgument`, :class:`~bide.model.errors.NotSerializable`, and what user code raises.
    """
    if isinstance(trigger, CombinedTrigger):
        return _tree(trigger, dag_file, load, task)
    classpath, kwargs = serialized(trigger)
    cls = _named_class(trigger, classpath, dag_file, load)
    check_arguments(cls, kwargs)
    kind = trigger_kind(cls)
    stored = encode(kwargs, what=f"arguments of trigger {cls.__name__}")
    # Timers are evaluated and intervals read where they are armed, so the class that runs has to be here.
    armed = trigger if type(trigger) is cls else build(cls, kwargs)
    # The instance in hand may have been given a queue that its arguments do not tell of.
    queue = queue_of(trigger, task)
    due_at, outcome = None, None
    if isinstance(armed, TimerTrigger) and kind == "timer":
        due_at, outcome = _timer(armed, must_end)
    return WaitSpec(
        kind=kind,
        classpath=classpath,
        kwargs=stored,
        due_at=due_at,
        outcome=outcome,
        signal=armed.name if isinstance(armed, SignalTrigger) and kind == "signal" else None,
        question=armed.question if isinstance(armed, HumanTrigger) and kind == "signal" else None,
        watch=armed.watch if isinstance(armed, WatchTrigger) and kind == "signal" else None,
        interval=poll_interval(armed) if isinstance(armed, PollTrigger) and kind == "poll" else None,
        queue=queue,
        group_key=shared_stream_group(armed, queue) or group_key(cls, classpath, share_key_of(armed), queue),
        subject=subject_of(armed),
        has_on_kill=cls.on_kill is not BaseTrigger.on_kill,
    )


def _named_class(trigger: BaseTrigger, classpath: str, dag_file: str, load: LoadDagFile) -> type[BaseTrigger]:
    try:
        return resolve_trigger(classpath, dag_file, load)
    except InvalidArgument as error:
        own = shown(f"{type(trigger).__module__}.{type(trigger).__qualname__}")
        hint = "" if shown(classpath) == own else f"; the class of this trigger is {own!r}"
        raise InvalidArgument(
            f"{type(trigger).__name__}.serialize() names a class that can't be found: {error}{hint}"
        ) from error.__cause__


def _tree(trigger: CombinedTrigger, dag_file: str, load: LoadDagFile, task: BaseOperator | None) -> WaitSpec:
    children: list[WaitSpec] = []
    for name, wait in trigger.waits.items():
        spec = wait_spec(wait.trigger, dag_file, load, task=task)
        children.append(msgspec.structs.replace(spec, name=name, timeout=wait.timeout))
    return WaitSpec(
        kind=trigger.kind,
        classpath=f"{CombinedTrigger.__module__}.{CombinedTrigger.__qualname__}",
        kwargs=encode({}, what="arguments of a combined wait"),
        subject=subject_of(trigger),
        children=tuple(children),
        needed=trigger.needed,
    )


def serialized(trigger: BaseTrigger) -> tuple[str, dict[str, Any]]:
    """What ``trigger.serialize()`` returns, checked."""
    result: Any = trigger.serialize()
    name = f"{type(trigger).__name__}.serialize()"
    if not isinstance(result, tuple | list) or len(cast("tuple[Any, ...]", result)) != 2:
        raise InvalidArgument(
            f"{name} must return (class path, dict of arguments), not {_shape(cast('object', result))}"
        )
    classpath, kwargs = cast("tuple[Any, Any]", result)
    if not isinstance(classpath, str):
        raise InvalidArgument(f"{name} must return the class path as a string, not {_shape(classpath)}")
    if not isinstance(kwargs, dict) or not all(isinstance(key, str) for key in cast("dict[Any, Any]", kwargs)):
        raise InvalidArgument(
            f"{name} must return the arguments as a dict with names as keys, not {_shape(cast('object', kwargs))}"
        )
    return classpath, cast("dict[str, Any]", kwargs)


def _shape(value: object) -> str:
    """What `value` is, without what it says: messages are stored in clear, and arguments may hold secrets."""
    kind = type(value).__name__
    if isinstance(value, dict):
        return f"a dict with the keys {', '.join(map(repr, cast('dict[Any, Any]', value)))}"[:200]
    if isinstance(value, tuple | list):
        return f"a {kind} of {len(cast('tuple[Any, ...]', value))}"
    return "None" if value is None else f"a value of type {kind}"


def check_arguments(cls: type[BaseTrigger], kwargs: dict[str, Any]) -> None:
    """Raise :class:`InvalidArgument` if `cls` can't be built with `kwargs`."""
    signature = inspect.signature(cls)
    try:
        signature.bind(**kwargs)
    except TypeError as error:
        takes = [name for name in signature.parameters if name not in kwargs]
        wrong = [name for name in kwargs if name not in signature.parameters]
        raise InvalidArgument(
            f"{cls.__name__} can't be built again from what serialize() returned: {error} "
            f"(arguments: {', '.join(kwargs) or 'none'}; {cls.__name__}{signature})"
            f"{did_you_mean(wrong[0], takes) if wrong else ''}"
        ) from None


def build(cls: type[BaseTrigger], kwargs: dict[str, Any]) -> BaseTrigger:
    """A trigger from its stored arguments; :class:`InvalidArgument` from what its ``__init__`` raises."""
    check_arguments(cls, kwargs)
    try:
        return cls(**kwargs)
    except BaseException as error:
        # Also sys.exit(), which is about this trigger and not about the process.
        raise InvalidArgument(f"{cls.__name__} can't be built: {one_line(error)}") from error


def poll_interval(trigger: PollTrigger) -> float:
    """Seconds between looks, checked."""
    interval: Any = trigger.interval
    if isinstance(interval, dt.timedelta):
        interval = interval.total_seconds()
    if not isinstance(interval, int | float) or isinstance(interval, bool) or not 0 < interval < float("inf"):
        raise InvalidArgument(
            f"{type(trigger).__name__}.interval must be a number of seconds above 0, not {interval!r}"
        )
    _check_pace(trigger)
    return float(interval)


def _check_pace(trigger: PollTrigger) -> None:
    """Raise :class:`InvalidArgument` for what would break a look only later."""
    name = type(trigger).__name__
    jitter, backoff, longest, budget, limit = (
        cast("Any", value)
        for value in (
            trigger.jitter,
            trigger.backoff,
            trigger.max_interval,
            trigger.max_errors,
            trigger.poll_many_limit,
        )
    )
    for what, value, valid, meaning in (
        ("jitter", jitter, _is_number(jitter) and 0 <= jitter <= 1, "a share of the interval from 0 to 1"),
        ("backoff", backoff, _is_number(backoff) and backoff >= 1, "a factor of 1 or more"),
        (
            "max_interval",
            longest,
            longest is None or (_is_number(longest) and longest > 0),
            "seconds above 0, or None",
        ),
        ("max_errors", budget, isinstance(budget, int) and budget >= 1, "a whole number of 1 or more"),
        ("poll_many_limit", limit, isinstance(limit, int) and limit >= 1, "a whole number of 1 or more"),
    ):
        if not valid:
            raise InvalidArgument(f"{name}.{what} must be {meaning}, not {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value < float("inf")


def share_key_of(trigger: BaseTrigger) -> Any:
    """What tells the group of `trigger`; None if the engine runs it by itself."""
    if isinstance(trigger, StreamTrigger) and shares_consumer(trigger):
        check_stream(trigger)
        return trigger.share_key
    return trigger.share_key if isinstance(trigger, PollTrigger) and trigger_kind(type(trigger)) == "poll" else None


def check_stream(trigger: StreamTrigger) -> None:
    """Raise :class:`InvalidArgument` for what would break its stream only later."""
    name = type(trigger).__name__
    if trigger.exclusive and trigger.share_key is None:
        raise InvalidArgument(
            f"{name} is exclusive, so it needs a share_key: messages are handed out within a group"
        )
    since: Any = trigger.since
    if since is not None and (not isinstance(since, dt.datetime) or since.tzinfo is None):
        raise InvalidArgument(f"{name}.since must be a datetime with a time zone or None, not {since!r}")
    budget: Any = trigger.max_errors
    if not isinstance(budget, int) or budget < 1:
        raise InvalidArgument(f"{name}.max_errors must be a whole number of 1 or more, not {budget!r}")
    pause: Any = trigger.retry_pause
    if not _is_number(pause) or pause < 0:
        raise InvalidArgument(f"{name}.retry_pause must be a number of seconds, not {pause!r}")


def subject_of(trigger: BaseTrigger) -> str:
    """One line that says what `trigger` waits for, known secrets masked; its class's name if it can't say."""
    try:
        lines = str(trigger.describe()).split("\n")
    except Exception:
        _log.warning("%s.describe() failed", type(trigger).__name__, exc_info=True)
        return type(trigger).__name__
    return storable(mask(lines[0])[:_LONGEST_SUBJECT])


def _timer(trigger: TimerTrigger, must_end: bool) -> tuple[float, Outcome]:
    due: Any = trigger.due_at
    if not isinstance(due, dt.datetime) or due.tzinfo is None:
        raise InvalidArgument(f"{type(trigger).__name__}.due_at must be a datetime with a time zone, not {due!r}")
    return due.timestamp(), outcome_of(trigger.event(), type(trigger).__name__, must_end=must_end)
