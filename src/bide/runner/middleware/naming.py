"""What people call one instance of a mapped task among the others."""

from __future__ import annotations

import logging
from typing import Any, Final

import msgspec

from bide.model.ids import NOT_MAPPED
from bide.model.storable_text import storable
from bide.runner.failures import one_line
from bide.runner.task_run import Proceed, TaskRun
from bide.wire.messages import Finish

_log = logging.getLogger("bide.runner")

#: Characters that are kept of a name.
_LONGEST: Final = 250


def name_instance(run: TaskRun, proceed: Proceed) -> Any:
    """Fill in ``map_index_template`` once the code has run, however it ended: it may have set what is in there."""
    try:
        return proceed()
    finally:
        if run.order.instance.map_index != NOT_MAPPED and run.loaded_task.map_index_template:
            run.map_name = _name(run)


def tell_name(run: TaskRun, proceed: Proceed) -> Any:
    """Put the name into what the engine is told of the end."""
    message = proceed()
    if isinstance(message, Finish) and run.map_name is not None:
        return msgspec.structs.replace(message, map_name=run.map_name)
    return message


def _name(run: TaskRun) -> str | None:
    template = run.loaded_task.map_index_template
    try:
        return storable(str(run.loaded_task.render_template(template, run.task_context)))[:_LONGEST]
    except Exception as error:
        # The work is done, or has failed for another reason: this must not change it.
        _log.warning("map_index_template %r can't be filled in: %s", template, one_line(error))
        return None
