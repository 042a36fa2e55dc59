"""Make the runs that events of assets call for."""

from __future__ import annotations

from bide.control.create_run import make_run
from bide.model.asset_delivery import split_each
from bide.model.assets import AssetCondition, AssetFacts, holds
from bide.model.run_types import RunType
from bide.store import Tx, asset_events, dags, queued_runs, sessions, specs
from bide.store.dags import DagRow
from bide.store.runs import RunRow


def deliver(tx: Tx, most: int) -> int:
    """Look at DAGs that have got events, and make up to about `most` runs.

    Who calls it decides alone (:mod:`bide.store.claiming`). What is left over is marked, and rung for.
    """
    dag_ids, marks = asset_events.take_marks(tx, most)
    made = 0
    left: list[str] = []
    for dag_id in dag_ids:
        if made >= most:
            left.append(dag_id)
            continue
        row = dags.find(tx, dag_id)
        condition = None if row is None else specs.structure_of(tx, row.version_uid).spec.schedule.assets
        if row is None or condition is None or not row.is_active:
            asset_events.pass_over(tx, dag_id)
        elif not row.is_paused:
            number, is_all = _deliver_to(tx, row, condition, most - made)
            made += number
            if not is_all:
                left.append(dag_id)
    asset_events.mark(tx, left)
    if marks == most:
        tx.ring("assets")
    return made


def _deliver_to(tx: Tx, row: DagRow, condition: AssetCondition, most: int) -> tuple[int, bool]:
    """How many runs were made, and whether that is all that there is to be made."""
    spec = specs.structure_of(tx, row.version_uid).spec
    if spec.allowed_run_types and RunType.ASSET_TRIGGERED not in spec.allowed_run_types:
        asset_events.pass_over(tx, row.dag_id)
        why = f"events of assets start no runs of it: its allowed_run_types are {', '.join(spec.allowed_run_types)}"
        sessions.audit(tx, "pass_over_asset_events", owner="scheduler", dag_id=row.dag_id, extra=why)
        return 0, True
    if spec.schedule.asset_policy == "each":
        pending = asset_events.oldest_pending(tx, row.dag_id, most)
        groups = split_each(condition, pending, most)
        for events in groups:
            run = _make(tx, row, events[-1])
            asset_events.take(tx, row.dag_id, run.uid, events)
        return len(groups), len(groups) < most
    return _deliver_together(tx, row, condition, latest=spec.schedule.asset_policy == "latest"), True


def _deliver_together(tx: Tx, row: DagRow, condition: AssetCondition, *, latest: bool) -> int:
    """One run for all that is pending. One that has not begun yet takes it along."""
    newest = asset_events.newest_pending(tx, row.dag_id)
    if not holds(condition, newest):
        return 0
    run = queued_runs.find_unstarted(tx, row.dag_id, RunType.ASSET_TRIGGERED)
    made = run is None
    if run is None:
        run = _make(tx, row, max(newest.values()))
    elif latest:
        asset_events.give_up(tx, row.dag_id, run.uid, [asset.uid for asset in newest])
    if latest:
        _take_newest(tx, row.dag_id, run, newest)
    else:
        asset_events.take_all(tx, row.dag_id, run.uid)
    return int(made)


def _take_newest(tx: Tx, dag_id: str, run: RunRow, newest: dict[AssetFacts, str]) -> None:
    asset_events.take(tx, dag_id, run.uid, newest.values())
    asset_events.pass_over(tx, dag_id)


def _make(tx: Tx, row: DagRow, event: str) -> RunRow:
    """A run without a logical date. Its id ends like that of the event, which makes it the only one."""
    return make_run(
        tx,
        row,
        run_id=f"{RunType.ASSET_TRIGGERED}__{tx.now.isoformat()}_{event[-12:]}",
        run_type=RunType.ASSET_TRIGGERED,
        logical_date=None,
        interval=None,
        run_after=tx.now,
        conf={},
        by="assets",
    )
