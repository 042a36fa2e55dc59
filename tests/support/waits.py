"""A wait in a store, without a task that really deferred."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bide.store import Tx, transitions, waits
from bide.store.transitions import Guard
from bide.store.views import get_instance, get_run
from bide.store.waits import WaitRow


def put_wait(tx: Tx, dag_id: str, run_id: str, task_id: str, **fields: Any) -> str:
    """Let an unstarted task wait for a file, for an hour at most, or as `fields` say; the wait's id."""
    row = get_instance(tx, dag_id, run_id, task_id)
    assert row is not None
    for epoch, name in enumerate(("schedule", "queue", "start", "defer")):
        # Starting and deferring fence: the epoch goes up with each.
        assert transitions.apply(tx, name, [Guard(row.uid, max(0, epoch - 2))], by="test")
    run = get_run(tx, dag_id, run_id)
    assert run is not None
    wait = WaitRow(
        uid="wait-1",
        instance_uid=row.uid,
        run_uid=run.uid,
        epoch=2,
        kind="poll",
        classpath="bide.standard.triggers.file.FileTrigger",
        kwargs=b"{}",
        subject="file /data/orders.csv",
        has_on_kill=False,
        interval=30.0,
        due_at=None,
        outcome=None,
        method="execute_complete",
        resume_kwargs=b"{}",
        deadline=tx.now + timedelta(hours=1),
        armed_at=tx.now,
        session=None,
        token=0,
    )
    wait = wait._replace(**fields)
    waits.insert(tx, [wait])
    return wait.uid
