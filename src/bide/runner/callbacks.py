"""Calling callbacks and listeners of a task or a run that has ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bide.authoring.callbacks import callbacks_of, sends_mail
from bide.authoring.calling import call
from bide.authoring.context import Context, use_context
from bide.authoring.moments import pendulum_moment
from bide.authoring.plugins import load_plugins
from bide.authoring.runtime import use_runtime
from bide.model.errors import TaskError
from bide.model.retries import has_tries_left
from bide.runner.computed_deadlines import computed_deadlines
from bide.runner.failures import described, one_line
from bide.runner.interrupts import TaskKilled
from bide.runner.mails import tell_of_try
from bide.runner.missed_deadlines import calls_for_missed
from bide.runner.runtimes import TaskRuntime
from bide.runner.task_context import context_of, find_task, of_instance
from bide.runner.task_run import TaskRun
from bide.wire.callback_messages import APART, HOOKS, CallbackEvent
from bide.wire.messages import Finish, RunCallbacks

_log = logging.getLogger("bide.runner")

#: Seconds that all callbacks and listeners of one ending may take.
_LIMIT: Final = 600.0
_STATES: Final[dict[CallbackEvent, str]] = {
    "success": "success",
    "failure": "failed",
    "retry": "up_for_retry",
    "skipped": "skipped",
    "run_running": "running",
    "run_success": "success",
    "run_failure": "failed",
}


class Ending(NamedTuple):
    """Why something is called."""

    event: CallbackEvent
    previous_state: str
    ended_at: float
    error: BaseException | None = None
    #: Why a run ended.
    reason: str = ""
    #: Of a missed deadline: what was ordered.
    order: RunCallbacks | None = None


def has_calls(run: TaskRun, message: Finish) -> bool:
    """Whether the end of the task that runs here asks for anything."""
    if run.task is None:
        return False
    event = _event(run, message)
    asked = callbacks_of(run.task, event) or sends_mail(run.task, event)
    return bool(asked or load_plugins().listening(HOOKS[event]))


def ending_of(run: TaskRun, message: Finish) -> Ending:
    """The end of the task that has run here."""
    error = run.error if message.state == "failed" else None
    return Ending(_event(run, message), "running", run.clock.now().timestamp(), error)


def ending_told(order: RunCallbacks) -> Ending:
    """An end that only the engine knows of; what it knows of the error is its text."""
    is_run = order.event.startswith("run_")
    if order.event in APART:
        return Ending(order.event, order.previous_state, order.ended_at, order=order)
    error = TaskError(order.error) if order.error and not is_run else None
    return Ending(order.event, order.previous_state, order.ended_at, error, order.error if is_run else "")


def _event(run: TaskRun, message: Finish) -> CallbackEvent:
    if message.state != "failed":
        return message.state
    return "retry" if is_retried(run, message) else "failure"


def is_retried(run: TaskRun, message: Finish) -> bool:
    """Whether another try follows."""
    order = run.order
    left = has_tries_left(try_number=order.try_number, max_tries=order.max_tries)
    return message.state == "failed" and message.may_retry and left


def tell_of_start(run: TaskRun) -> None:
    """A worker begins with the task, or goes on with it."""
    context = run.task_context
    failures = run.callback_failures
    for function in callbacks_of(run.loaded_task, "execute"):
        _protected("on_execute_callback", function, lambda function=function: call(function, context), failures)
    told = {"previous_state": "queued", "task_instance": context["ti"], "session": None}
    _tell_listeners("on_task_instance_running", told, failures)


def call_all(run: TaskRun, ending: Ending) -> tuple[str, ...]:
    """Call everything that `ending` asks for, one after the other; nothing of it changes what has happened.

    The answer has a line for each that failed.
    """
    text = f"callbacks and listeners have taken {_LIMIT:g} s"
    failures: list[str] = []
    try:
        with (
            run.interrupts.running(on_kill=lambda: None, seconds=_LIMIT, timeout_text=text),
            _surroundings(run) as context,
        ):
            if ending.order is not None:
                is_set = ending.event == "set_deadlines"
                calls = computed_deadlines(run, context) if is_set else calls_for_missed(context, ending.order)
                for name, function, work in calls:
                    _protected(name, function, work, failures)
                return tuple(failures)
            _tell(context, ending)
            if ending.event.startswith("run_"):
                _call_for_run(context, ending, failures)
            else:
                _call_for_task(context, ending, failures)
    except TaskKilled:
        _log.error("The callbacks were interrupted; they are called again")
        raise
    except BaseException as error:
        _log.error("The callbacks can't be called: %s", described(error))
        failures.append(f"the callbacks can't be called: {one_line(error)}")
    return tuple(failures)


@contextmanager
def _surroundings(run: TaskRun) -> Generator[Context]:
    """The context as the task had it; in all threads, as the runtime."""
    with use_runtime(TaskRuntime(run.clock, run.order, run.link), in_all_threads=not run.order.shared):
        if run.task is None:
            run.task = find_task(run.host.load(run.order), run.order)
        context = context_of(run.task, run.order) if run.context is None else run.context
        with use_context(context):
            _unmap(run, context)
            yield context


def _unmap(run: TaskRun, context: Context) -> None:
    """Of a mapped task, the operator of this instance; if that can't be made, what all instances share will do."""
    try:
        run.task = of_instance(run.task, context) if run.task is not None else None
    except Exception as error:
        _log.warning("The arguments of this instance can't be told to callbacks: %s", one_line(error))


def _tell(context: Context, ending: Ending) -> None:
    """What the context says of the end."""
    owner = context["dag_run"] if ending.event.startswith("run_") else context["ti"]
    ended = pendulum_moment(datetime.fromtimestamp(ending.ended_at, UTC))
    owner.state = _STATES[ending.event]
    if ending.event != "run_running":
        owner.end_date = ended
    context["exception"] = ending.error
    context["reason"] = ending.reason


def _call_for_task(context: Context, ending: Ending, failures: list[str]) -> None:
    task, event = context["task"], ending.event
    for function in callbacks_of(task, event):
        _protected(f"on_{event}_callback", function, lambda function=function: call(function, context), failures)
    if sends_mail(task, event):
        _protected(f"email_on_{event}", tell_of_try, lambda: tell_of_try(context), failures)
    told = {"previous_state": ending.previous_state, "task_instance": context["ti"], "session": None}
    _tell_listeners(HOOKS[event], {**told, "error": ending.error}, failures)


def _call_for_run(context: Context, ending: Ending, failures: list[str]) -> None:
    event = ending.event.removeprefix("run_")
    for function in callbacks_of(context["dag"], event):
        what = f"on_{event}_callback of the DAG"
        _protected(what, function, lambda function=function: call(function, context), failures)
    _tell_listeners(HOOKS[ending.event], {"dag_run": context["dag_run"], "msg": ending.reason}, failures)


def _tell_listeners(hook: str, told: dict[str, Any], failures: list[str]) -> None:
    for one in load_plugins().listening(hook):
        arguments = [told[name] for name in one.argnames]
        _protected(hook, one.function, lambda one=one, arguments=arguments: one.function(*arguments), failures)


def _protected(what: str, function: object, work: Callable[[], object], failures: list[str]) -> None:
    """Whatever it raises is in the log and among the `failures`, and the next one is called."""
    try:
        work()
    except TaskKilled:
        raise
    except BaseException as error:
        name = getattr(function, "__qualname__", None) or type(function).__name__
        _log.error("%s %s failed: %s", what, name, described(error))
        failures.append(f"{what} {name} failed: {one_line(error)}")
