"""What stands around ``execute()``, outermost first. Each middleware is a small file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from bide.runner.middleware.callbacks import announce_start, call_back
from bide.runner.middleware.context import with_context
from bide.runner.middleware.execute import execute
from bide.runner.middleware.interruption import interruptible
from bide.runner.middleware.isolation import isolated
from bide.runner.middleware.links import push_links
from bide.runner.middleware.loading import load_task
from bide.runner.middleware.logs import announce, into_log
from bide.runner.middleware.naming import name_instance, tell_name
from bide.runner.middleware.outcome import decide_outcome
from bide.runner.middleware.report import report
from bide.runner.middleware.result import keep_result
from bide.runner.middleware.suspension import suspend
from bide.runner.middleware.templates import render_templates
from bide.runner.middleware.unmapping import unmap
from bide.runner.task_run import Middleware, TaskRun

MIDDLEWARES: Final[Sequence[Middleware]] = (
    isolated,
    into_log,
    announce,
    call_back,
    report,
    tell_name,
    decide_outcome,
    interruptible,
    load_task,
    suspend,
    with_context,
    unmap,
    name_instance,
    render_templates,
    push_links,
    announce_start,
    keep_result,
)


def run_task(run: TaskRun, middlewares: Sequence[Middleware] = MIDDLEWARES) -> None:
    """Run one task instance from its order to the engine's reply."""
    _call(run, middlewares, 0)


def _call(run: TaskRun, middlewares: Sequence[Middleware], depth: int) -> Any:
    if depth == len(middlewares):
        return execute(run)
    return middlewares[depth](run, partial(_call, run, middlewares, depth + 1))
