"""Start queued runs, as many as ``max_active_runs`` of their DAG allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from bide.control.advance_runs import consider, end_run, finish_run
from bide.control.ending_callbacks import request_of_run
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.model.states import RunState
from bide.store import Store, Topic, Tx, runs, specs
from bide.store.claiming import decide_alone
from bide.store.runs import RunRow

_BATCH: Final = 100


def choose(queued: Sequence[RunRow], running: Mapping[str, tuple[int, int]]) -> list[RunRow]:
    """Those of `queued`, in their order, that fit; `running` has (running runs, limit) by DAG."""
    room = {dag_id: limit - active for dag_id, (active, limit) in running.items()}
    chosen: list[RunRow] = []
    for run in queued:
        if room.get(run.dag_id, 0) > 0:
            room[run.dag_id] -= 1
            chosen.append(run)
    return chosen


@dataclass(frozen=True, slots=True)
class StartRuns:
    """queued → running; the tasks that nothing holds up are scheduled in the same transaction."""

    store: Store
    scope: Scope
    name: ClassVar[str] = "start_runs"
    topics: ClassVar[tuple[Topic, ...]] = ("runs", "dags")

    async def run(self) -> Next:
        """Start what fits."""
        return await self.store.write(self._work)

    def _work(self, tx: Tx) -> Next:
        if not runs.queued(tx, 1, self.scope.only_run):
            return Next()
        # The limit counts what all engines have started: one of them decides at a time, on what there is then.
        decide_alone(tx, "start_runs")
        queued = runs.queued(tx, _BATCH, self.scope.only_run)
        if self.scope.everything:
            chosen = choose(queued, runs.count_running(tx, [run.dag_id for run in queued]))
        else:
            chosen = queued  # a run that a person started in a terminal starts now
        for run in chosen:
            _start(tx, run)
        return Next(again=len(queued) == _BATCH and bool(chosen))


def _start(tx: Tx, run: RunRow) -> None:
    runs.start(tx, run.uid)
    structure = specs.structure_of(tx, run.version_uid)
    request_of_run(tx, run, structure, RunState.RUNNING)
    if not structure.tasks:
        finish_run(tx, run, RunState.SUCCESS, reason="the DAG has no tasks")
    elif run.unfinished == 0:
        end_run(tx, run)
    else:
        # Where some instances have ended before (the run was cleared), any of the others may go on.
        is_fresh = run.unfinished == structure.first_instances
        consider(tx, run, structure.roots if is_fresh else structure.tasks)
