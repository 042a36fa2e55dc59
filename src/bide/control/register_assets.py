"""Store which assets a DAG makes, reads and waits for."""

from __future__ import annotations

from bide.model.assets import names_any
from bide.model.dag_spec import DagSpec
from bide.store import Tx, asset_events, assets
from bide.store.assets import Reference


def register_assets(tx: Tx, spec: DagSpec) -> None:
    """Keep what a new version of a DAG says of assets.

    Events that it has waited for, and no longer does, are passed over; the others are looked at anew.
    """
    assets.keep(tx, spec.assets, describe=True)
    condition = spec.schedule.assets
    references = [
        *(Reference(spec.dag_id, task.task_id, "outlet", one) for task in spec.tasks for one in task.outlets),
        *(Reference(spec.dag_id, task.task_id, "inlet", one) for task in spec.tasks for one in task.inlets),
        *(Reference(spec.dag_id, "", "schedule", one) for one in (condition.mentions() if condition else ())),
    ]
    assets.set_references(tx, spec.dag_id, references)
    pending = asset_events.newest_pending(tx, spec.dag_id)
    unwanted = [one.uid for one in pending if condition is None or not names_any(condition, one)]
    asset_events.pass_over_assets(tx, spec.dag_id, unwanted)
    if len(unwanted) < len(pending):
        asset_events.mark(tx, {spec.dag_id})
