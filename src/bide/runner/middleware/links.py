"""Links of a task to pages of the services that it works with."""

from __future__ import annotations

import logging
from typing import Any

from bide.authoring.deferral import TaskDeferred, TaskRescheduled
from bide.authoring.links import BaseOperatorLink, TaskInstanceKey, links_of
from bide.runner.failures import one_line
from bide.runner.task_run import Proceed, TaskRun

_log = logging.getLogger("bide.runner")


def push_links(run: TaskRun, proceed: Proceed) -> Any:
    """Push where its links lead as XComs, however its code ends: it may have left what a link is made of."""
    links = links_of(run.loaded_task)
    if not links:
        return proceed()
    try:
        result = proceed()
    except (Exception, TaskDeferred, TaskRescheduled):
        _push(run, links)
        raise
    _push(run, links)
    return result


def _push(run: TaskRun, links: list[BaseOperatorLink]) -> None:
    names = run.order.instance
    key = TaskInstanceKey(names.dag_id, names.task_id, names.run_id, run.order.try_number, names.map_index)
    for link in links:
        try:
            url = link.get_link(run.loaded_task, ti_key=key)
            if url:
                run.task_context["ti"].xcom_push(key=link.xcom_key, value=url)
        except Exception as error:
            _log.warning("The link %r has no URL: %s", link.name, one_line(error))
