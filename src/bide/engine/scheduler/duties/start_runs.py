"""Start queued runs, as many as ``max_active_runs`` of their DAG allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from bide.control.decide_tasks import Question, decide
from bide.control.end_runs import end_runs, finish_runs
from bide.control.ending_callbacks import request_of_run
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.model.backfills import most_at_once
from bide.model.fair_share import Age, Share, share_out
from bide.model.moments import later
from bide.model.states import RunState
from bide.store import Store, Topic, Tx, backfills, queued_runs, runs, specs
from bide.store.claiming import decide_alone
from bide.store.queued_runs import RunningRuns
from bide.store.runs import RunRow

_BATCH: Final = 100


def choose(
    queued: Sequence[RunRow], running: Mapping[str, RunningRuns], share: float = 0.5
) -> tuple[list[RunRow], dict[str, float]]:
    """Those of `queued` that fit beside what is `running`, by DAG; and what backfills are owed then, by DAG.

    Kinds of runs alternate: see :mod:`bide.model.fair_share`.
    """
    waiting: dict[str, dict[str, list[tuple[Age, RunRow]]]] = {}
    for run in queued:
        waiting.setdefault(run.dag_id, {}).setdefault(run.kind, []).append(((run.run_after, run.uid), run))
    chosen: list[tuple[Age, RunRow]] = []
    turns: dict[str, float] = {}
    for dag_id, by_kind in waiting.items():
        if dag_id in running:
            now = running[dag_id]
            most = most_at_once(now.of_backfill, now.limit)
            goes, turn = share_out(by_kind, now.by_kind, now.limit, Share(share, now.turn, most))
            chosen += goes
            if turn != now.turn:
                turns[dag_id] = turn
    return [run for _, run in sorted(chosen, key=lambda one: one[0])], turns


@dataclass(frozen=True, slots=True)
class StartRuns:
    """queued → running; the tasks that nothing holds up are scheduled in the same transaction."""

    store: Store
    scope: Scope
    #: [scheduler] backfill_share.
    backfill_share: float = 0.5
    name: ClassVar[str] = "start_runs"
    topics: ClassVar[tuple[Topic, ...]] = ("runs", "dags")

    async def run(self) -> Next:
        """Start what fits."""
        return await self.store.write(self._work)

    def _work(self, tx: Tx) -> Next:
        if tx.shared:
            if not queued_runs.queued(tx, 1, self.scope.only_run):
                return Next(due_at=queued_runs.next_due(tx))
            # The limit counts what all engines have started: one of them decides at a time, on what there is then.
            decide_alone(tx, "start_runs")
        return self.start(tx)

    def start(self, tx: Tx, most: int = _BATCH) -> Next:
        """Start what fits of the first `most`, in a transaction in which nobody else does
        (:mod:`bide.store.claiming`)."""
        queued = queued_runs.queued(tx, most, self.scope.only_run)
        if not queued:
            return Next(due_at=queued_runs.next_due(tx))
        if self.scope.everything:
            running = queued_runs.count_running(tx, [run.dag_id for run in queued])
            chosen, turns = choose(queued, running, self.backfill_share)
            backfills.set_turns(tx, turns)
        else:
            chosen = queued  # a run that a person started in a terminal starts now
        if chosen:
            _start(tx, chosen)
        return Next(again=len(queued) == most and bool(chosen), due_at=queued_runs.next_due(tx))


def _start(tx: Tx, chosen: Sequence[RunRow]) -> None:
    asked: list[Question] = []
    ends: list[tuple[RunRow, RunState, str]] = []
    ended: list[RunRow] = []
    limits: dict[str, datetime | None] = {}
    for run in chosen:
        structure = specs.structure_of(tx, run.version_uid)
        limit = structure.spec.dagrun_timeout
        limits[run.uid] = None if limit is None else later(tx.now, limit)
        request_of_run(tx, run, structure, RunState.RUNNING)
        if not structure.tasks:
            ends.append((run, RunState.SUCCESS, "the DAG has no tasks"))
        elif run.unfinished == 0:
            ended.append(run)
        else:
            # Where some instances have ended before (the run was cleared), any of the others may go on.
            is_fresh = run.unfinished == structure.first_instances
            asked.append(Question(run, dict.fromkeys(structure.roots if is_fresh else structure.tasks)))
    runs.start(tx, limits)
    finish_runs(tx, ends)
    end_runs(tx, ended)
    decide(tx, asked)
