"""Where the next try of a task that has failed is to run, if policies have a say in that."""

from __future__ import annotations

import logging

from bide.authoring.plugins import load_plugins
from bide.authoring.policies import instance_of
from bide.runner.failures import described
from bide.runner.task_run import TaskRun
from bide.wire.messages import NextPlacement

_log = logging.getLogger("bide.runner")


def next_placement(run: TaskRun) -> NextPlacement | None:
    """What ``task_instance_mutation_hook`` says of the next try; None if that is nothing, or it fails (logged)."""
    policies = load_plugins().policies
    if not policies or run.task is None or run.context is None:
        return None
    names, dag = run.order.instance, run.context["dag"]
    task = dag.get_task(names.task_id)
    coming = instance_of(
        task,
        task.priority_weight,
        run_id=names.run_id,
        map_index=names.map_index,
        try_number=run.order.try_number + 1,
        state="up_for_retry",
        dag_run=run.context["dag_run"],
    )
    try:
        wanted = policies.placement_of(coming)
    except Exception as error:
        _log.error("task_instance_mutation_hook failed; the next try runs where this one did: %s", described(error))
        return None
    return None if wanted is None else NextPlacement(*wanted)
