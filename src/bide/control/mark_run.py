"""End a run as a whole, or let it go on."""

from __future__ import annotations

from bide.control.cancel_run import fail_run, plan_failure
from bide.control.deadlines import set_anew
from bide.control.end_runs import finish_run
from bide.control.force_states import force
from bide.control.selecting import Plan, Selected, audit, ordered, select
from bide.model.errors import InvalidArgument
from bide.model.selection import Change, RunChoice, plan_run
from bide.model.states import RunState
from bide.store import Store, Tx, runs


async def mark_run(
    store: Store, dag_id: str, run_id: str, state: RunState, *, dry_run: bool = False, by: str
) -> Plan:
    """Mark a run: as success together with all of its instances; as failed, ending what has not ended
    (but teardowns of what was set up, behind which the run ends).

    Queued lets a run go on that has ended: what was never decided on is, and a run without any such instance ends
    again at once. Raises :class:`NotFound`.
    """
    if state is RunState.RUNNING:
        raise InvalidArgument("a run can be marked as success, failed or queued; it is running when it has room")

    def look(tx: Tx) -> tuple[Selected, Plan, tuple[str, ...]]:
        (one,) = selected = select(tx, dag_id, RunChoice(run_ids=frozenset({run_id})))
        changes: list[Change] = [] if state is RunState.QUEUED else plan_run(one.found, state)
        spared: tuple[str, ...] = ()
        if state is RunState.FAILED:
            changes, spared = plan_failure(tx, one)
        return one, Plan(ordered(selected, changes)), spared

    def work(tx: Tx) -> Plan:
        one, plan, spared = look(tx)
        if state is RunState.QUEUED and runs.reopen(tx, one.run.uid):
            set_anew(tx, one.run.uid)
        reason = f"marked as {state} by {by}"
        done = Plan(force(tx, plan.changes, by=by, error=reason))
        run = runs.get_many(tx, [one.run.uid])[one.run.uid]
        if state is RunState.FAILED:
            ended = fail_run(tx, one.run.uid, spared, reason=reason)
        else:
            ended = state is RunState.QUEUED or finish_run(tx, run, state, reason=reason)
        if not ended:
            runs.correct(tx, one.run.uid, state, reason=reason)
        audit(tx, "mark_dag_run", done, by=by, dag_id=dag_id, choice={"run_id": run_id, "state": state.value})
        return done

    if dry_run:
        return (await store.read(look))[1]
    return await store.write(work)
