"""Start queued runs, as many as ``max_active_runs`` of their DAG allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from bide.control.advance_runs import consider, end_run, finish_run
from bide.control.ending_callbacks import request_of_run
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.model.moments import later
from bide.model.states import RunState
from bide.store import Store, Topic, Tx, runs, specs
from bide.store.claiming import decide_alone
from bide.store.runs import RunningRuns, RunRow

_BATCH: Final = 100


def choose(queued: Sequence[RunRow], running: Mapping[str, RunningRuns]) -> list[RunRow]:
    """Those of `queued` that fit beside what is `running`, by DAG.

    Of the types of runs that wait, the one of which the fewest run goes next; of one type the oldest. So a long
    catch-up or backfill holds up neither scheduled runs nor those that a person asks for: they alternate.
    """
    waiting: dict[str, dict[str, list[RunRow]]] = {}
    for run in queued:
        waiting.setdefault(run.dag_id, {}).setdefault(run.run_type, []).append(run)
    chosen: list[RunRow] = []
    for dag_id, by_type in waiting.items():
        if dag_id not in running:
            continue
        active = dict(running[dag_id].by_type)
        for kind in by_type:
            by_type[kind] = sorted(by_type[kind], key=_age, reverse=True)
        for _ in range(running[dag_id].limit - sum(active.values())):
            kinds = [kind for kind, runs_ in by_type.items() if runs_]
            if not kinds:
                break
            kind = min(kinds, key=lambda kind: (active.get(kind, 0), _age(by_type[kind][-1])))
            active[kind] = active.get(kind, 0) + 1
            chosen.append(by_type[kind].pop())
    return sorted(chosen, key=_age)


def _age(run: RunRow) -> tuple[datetime, str]:
    return (run.run_after, run.uid)


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
    structure = specs.structure_of(tx, run.version_uid)
    limit = structure.spec.dagrun_timeout
    runs.start(tx, run.uid, None if limit is None else later(tx.now, limit))
    request_of_run(tx, run, structure, RunState.RUNNING)
    if not structure.tasks:
        finish_run(tx, run, RunState.SUCCESS, reason="the DAG has no tasks")
    elif run.unfinished == 0:
        end_run(tx, run)
    else:
        # Where some instances have ended before (the run was cleared), any of the others may go on.
        is_fresh = run.unfinished == structure.first_instances
        consider(tx, run, structure.roots if is_fresh else structure.tasks)
