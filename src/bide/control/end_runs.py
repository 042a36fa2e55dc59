"""End runs whose instances have all ended, or that somebody ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from bide.control.ending_callbacks import request_of_run
from bide.control.expand_tasks import counts_of
from bide.control.plan_runs import plan_after_end
from bide.model.run_state import final_state
from bide.model.states import RunState, TaskState
from bide.store import Tx, dags, instances, run_order, runs, sessions, specs
from bide.store.runs import RunEnd, RunRow


def end_runs(tx: Tx, ended: Sequence[RunRow]) -> None:
    """End runs whose instances have all ended."""
    # One that somebody has failed was only waiting for its teardowns.
    verdicts = verdicts_on(tx, [run for run in ended if not run.reason])
    finish_runs(tx, [(run, verdicts.get(run.uid, RunState.FAILED), run.reason) for run in ended])


def finish_run(tx: Tx, run: RunRow, state: RunState, *, reason: str = "") -> bool:
    """End a run, and have called what its end asks for; False if it had ended before."""
    return bool(finish_runs(tx, [(run, state, reason)]))


def finish_runs(tx: Tx, ends: Sequence[tuple[RunRow, RunState, str]]) -> set[str]:
    """End runs, each with its state and the reason, if that is not plain from its tasks; the uids of those that had
    not ended before."""
    if not ends:
        return set()
    ended = runs.finish(tx, [RunEnd(run.uid, state.value, reason) for run, state, reason in ends])
    for run, state, reason in ends:
        if run.uid in ended:
            structure = specs.structure_of(tx, run.version_uid)
            request_of_run(tx, run, structure, state, reason)
            plan_after_end(tx, run.dag_id, structure)
            if state is RunState.FAILED and structure.spec.max_consecutive_failed_dag_runs > 0:
                _pause_after_failures(tx, run, structure.spec.max_consecutive_failed_dag_runs)
    return ended


def _pause_after_failures(tx: Tx, run: RunRow, most: int) -> None:
    newest = run_order.newest_states(tx, run.dag_id, most)
    if newest == [RunState.FAILED] * most and dags.set_paused(tx, run.dag_id, True):
        why = f"paused: its last {most} runs have failed (max_consecutive_failed_dag_runs)"
        sessions.audit(tx, "pause_dag", owner="scheduler", dag_id=run.dag_id, run_id=run.run_id, extra=why)


def verdicts_on(tx: Tx, ended: Sequence[RunRow]) -> dict[str, RunState]:
    """How runs have ended whose instances have all ended, by uid."""
    verdicts: dict[str, RunState] = {}
    alike: dict[str, list[RunRow]] = defaultdict(list)
    for run in ended:
        alike[run.version_uid].append(run)
    for version_uid, group in alike.items():
        structure = specs.structure_of(tx, version_uid)
        mapped = set(structure.leaves) & structure.mapped.keys()
        plain = set(structure.leaves) - mapped
        found = instances.of_tasks_by_run(tx, [run.uid for run in group], plain)
        for run in group:
            states: set[TaskState] = {one.state for one in found.get(run.uid, ())}
            for counts in counts_of(tx, run, mapped).values():
                states.update(state for state, number in counts.items() if number)
            verdicts[run.uid] = final_state(states)
    return verdicts
