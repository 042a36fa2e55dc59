"""Tasks that start from their trigger: have their first wait made, and put it in place of its placeholder.

Such a task is deferred from the moment at which it may begin, with a wait of kind ``start``: nothing is known of
its trigger yet, since that takes code of the DAG file. A trigger runner evaluates its ``start_trigger_args``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bide.control.defer_task import check_wait, insert_waits
from bide.control.start_tasks import forget_earlier_try, mapped_over, run_order
from bide.model.errors import Fenced
from bide.model.log_path import LogLayout
from bide.store import Store, Tx, instances, runs, sessions, specs, waits
from bide.store.instances import InstanceRow
from bide.wire.messages import Defer, StartLoad


class ArmedStart(NamedTuple):
    """What a trigger runner that holds the start `wait_id` under `token` says that its task waits for."""

    wait_id: str
    token: int
    defer: Defer


async def claim_starts(
    store: Store, session: str, limit: int, *, logs: LogLayout, only: str | None = None
) -> list[StartLoad]:
    """Lease up to `limit` starts that nobody has, with all that a trigger runner needs."""

    def work(tx: Tx) -> list[StartLoad]:
        sessions.hold(tx, session)
        rows = waits.claim_starts(tx, session, limit, only)
        owners = instances.get_many(tx, {row.instance_uid for row in rows})
        run_rows = runs.get_many(tx, list({owner.run_uid for owner in owners.values()}))
        mapped = mapped_over(tx, list(owners.values()))
        loads: list[StartLoad] = []
        for row in rows:
            owner, run = owners[row.instance_uid], run_rows[row.run_uid]
            forget_earlier_try(tx, owner)
            task = specs.structure_of(tx, run.version_uid).tasks[owner.task_id]
            over = mapped.get((owner.run_uid, owner.task_id))
            loads.append(StartLoad(row.uid, row.token, run_order(tx, owner, task, run, logs, mapped=over)))
        return loads

    return await store.write(work)


async def arm_start(store: Store, start: ArmedStart) -> None:
    """Let the task wait for what its trigger runner has found.

    Raises :class:`Fenced` if the lease is no longer good or the wait is over, and
    :class:`~bide.model.errors.InvalidArgument` for a wait that can't be.
    """
    check_wait(start.defer.wait)
    await store.write_together(_arm_many, start)


def _arm_many(tx: Tx, starts: Sequence[ArmedStart]) -> list[Fenced | None]:
    rows = waits.get_many(tx, {one.wait_id for one in starts})
    owners = instances.get_many(tx, {row.instance_uid for row in rows.values()})
    armed: list[tuple[InstanceRow, Defer]] = []
    answers: list[Fenced | None] = []
    over: set[str] = set()
    for one in starts:
        row = rows.get(one.wait_id)
        if row is None or row.token != one.token or row.uid in over:
            answers.append(Fenced(f"the start {one.wait_id} is over, or another process has it"))
            continue
        owner = owners[row.instance_uid]
        over.add(row.uid)
        armed.append((owner, one.defer))
        answers.append(None)
    waits.delete(tx, over, ring=False)
    insert_waits(tx, armed)
    return answers
