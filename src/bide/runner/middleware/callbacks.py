"""Callbacks and listeners around a task that runs here."""

from __future__ import annotations

from typing import Any

from bide.model.errors import ProtocolError
from bide.runner.callbacks import call_all, ending_of, tell_of_start
from bide.runner.task_run import Proceed, TaskRun
from bide.wire.messages import CallbacksDone, Ok


def announce_start(run: TaskRun, proceed: Proceed) -> Any:
    """Call ``on_execute_callback`` and the listeners that want to know, before each segment as in Airflow."""
    tell_of_start(run)
    return proceed()


def call_back(run: TaskRun, proceed: Proceed) -> Any:
    """Once the end is acknowledged, call what it asks for; the engine keeps it in mind until that is done."""
    result = proceed()
    if run.acknowledged is not None:
        failures = call_all(run, ending_of(run, run.acknowledged))
        run.host.finish_output()
        reply = run.link.request(CallbacksDone(failures=(*run.callback_failures, *failures)))
        if not isinstance(reply, Ok):
            raise ProtocolError(f"the engine answered CallbacksDone with {type(reply).__name__}")
    return result
