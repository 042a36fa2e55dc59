"""DAGs for schedules: tasks, some of them mapped, with limits and in pools."""

from __future__ import annotations

import random
from typing import Any

from bide.model.dag_spec import DagSpec, GroupSpec, TaskSpec
from bide.model.map_spec import MapSpec, Source
from bide.model.pools import Pool
from tests.support.dag_specs import FOLDER

DAG = "sim"
FILE = f"{FOLDER}/{DAG}.py"
RULES = ("all_success", "all_done", "one_success", "none_failed")
#: Instances of the DAG that may be queued or running at once.
MAX_ACTIVE = 3
#: Two slots, and one of its tasks may want both.
NARROW = Pool("narrow", 2)
#: Whose tasks keep their slots while they are deferred.
KEEPING = Pool("keeping", 2, include_deferred=True)
GROUP = "g"


def make_spec(dice: random.Random) -> DagSpec:
    """Up to five tasks; in a third of all DAGs some are mapped, or are in a mapped group."""
    tasks: list[TaskSpec] = []
    has_mapped, has_group = dice.random() < 0.35, dice.random() < 0.2
    for number in range(dice.randint(1, 5)):
        before = [task.task_id for task in tasks if dice.random() < 0.4]
        fields: dict[str, Any] = {}
        if has_group and number > 1 and dice.random() < 0.6:
            fields["group_id"] = GROUP
        elif has_mapped and dice.random() < 0.5:
            fields["mapping"] = _over(dice, before)
        tasks.append(
            TaskSpec(
                f"t{number}",
                upstream=tuple(before),
                trigger_rule=dice.choice(RULES),
                retries=dice.choice((0, 1, 2)),
                retry_delay=dice.choice((0.0, 5.0)),
                execution_timeout=dice.choice((None, None, 60.0)),
                starts_from_trigger=dice.random() < 0.15,
                **_limits(dice),
                **fields,
            )
        )
    groups = (GroupSpec(GROUP, mapping=_over(dice, [])),) if has_group else ()
    return DagSpec(DAG, file=FILE, folder=FOLDER, tasks=tuple(tasks), groups=groups, max_active_tasks=MAX_ACTIVE)


def _over(dice: random.Random, before: list[str]) -> MapSpec:
    """A list of the file, or what a task before has left."""
    if before and dice.random() < 0.6:
        return MapSpec((("x", Source("xcom", task_id=dice.choice(before))),))
    return MapSpec((("x", Source("literal", length=dice.randint(0, 3))),))


def _limits(dice: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if dice.random() < 0.2:
        found["max_active_tis_per_dag"] = dice.randint(1, 2)
    if dice.random() < 0.2:
        found["max_active_tis_per_dagrun"] = dice.randint(1, 2)
    pool = dice.choice((None, None, NARROW, KEEPING))
    if pool is not None:
        found |= {"pool": pool.name, "pool_slots": dice.choice((1, 1, 2))}
    return found
