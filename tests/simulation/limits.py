"""What must hold after each step of a schedule, and at its end: limits, and counts of mapped tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from bide.model.dag_spec import DagSpec
from bide.store.schema import expansion, task_instance
from tests.simulation.sim_store import SimStore
from tests.simulation.specs import DAG, MAX_ACTIVE, NARROW

_active = sa.select(
    task_instance.c.run_uid, task_instance.c.task_id, task_instance.c.pool, task_instance.c.pool_slots
).where(task_instance.c.state.in_(["queued", "running"]), task_instance.c.dag_id == DAG)


def exceeded(sim: SimStore, spec: DagSpec) -> list[str]:
    """Which limits more instances are under way than."""
    rows: Sequence[Any] = sim.look(lambda tx: tx.conn.execute(_active).all())
    problems: list[str] = []
    if len(rows) > MAX_ACTIVE:
        problems.append(f"{len(rows)} instances are under way, with max_active_tasks {MAX_ACTIVE}")
    narrow = sum(slots for _, _, pool, slots in rows if pool == NARROW.name)
    if narrow > NARROW.slots:
        problems.append(f"{narrow} of {NARROW.slots} slots of {NARROW.name} are taken")
    of_task = Counter(task_id for _, task_id, _, _ in rows)
    of_run = Counter((run, task_id) for run, task_id, _, _ in rows)
    for task in spec.tasks:
        most = task.max_active_tis_per_dag
        if most is not None and of_task[task.task_id] > most:
            problems.append(f"{of_task[task.task_id]} of {task.task_id} are under way, with a limit of {most}")
        most = task.max_active_tis_per_dagrun
        largest = max((number for (_, name), number in of_run.items() if name == task.task_id), default=0)
        if most is not None and largest > most:
            problems.append(f"{largest} of {task.task_id} are under way in one run, with a limit of {most}")
    return problems


def miscounted(sim: SimStore) -> list[str]:
    """Expanded tasks whose counts are not those of their instances, or that have instances twice or not at all."""
    counted = sim.look(lambda tx: tx.conn.execute(sa.select(expansion)).mappings().all())
    query = sa.select(
        task_instance.c.run_uid, task_instance.c.task_id, task_instance.c.map_index, task_instance.c.state
    )
    rows = sim.look(lambda tx: tx.conn.execute(query).all())
    problems: list[str] = []
    for row in counted:
        mine = {
            index: state
            for run, task_id, index, state in rows
            if (run, task_id) == (row["run_uid"], row["task_id"]) and index >= 0
        }
        found = Counter(mine.values())
        problems += _differences(row, found, len(mine))
        if mine.keys() != set(range(len(mine))):
            problems.append(f"{row['task_id']} has the map indexes {sorted(mine)}")
    return problems


def _differences(row: Mapping[Any, Any], found: Counter[str], total: int) -> list[str]:
    problems: list[str] = []
    if row["total"] != total:
        problems.append(f"{row['task_id']} counts {row['total']} instances and has {total}")
    for state, number in found.items():
        # What has not ended is told of apart, and not counted.
        if row.get(state, number) != number:
            problems.append(f"{row['task_id']} counts {row[state]} {state} and has {number}")
    return problems
