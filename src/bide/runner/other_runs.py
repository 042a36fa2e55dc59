"""The part of a task's runtime that is about other runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from bide.authoring.runtime import EarlierRunRecord
from bide.model.watching import Verdict, Watch
from bide.runner.mapped_results import Asks
from bide.runner.refusals import unexpected
from bide.wire.other_runs import AskEarlierRun, AskWatch, EarlierRunFound, RunStarted, StartRun, WatchVerdict


class OtherRuns:
    """Making runs, looking at them, and the one before."""

    _link: Asks

    def start_run(self, dag_id: str, **options: Any) -> tuple[str, str]:
        """Make a run of another DAG; see :class:`~bide.wire.other_runs.StartRun`."""
        reply = self._link.request(StartRun(dag_id, **options))
        if not isinstance(reply, RunStarted):
            raise unexpected(reply, f"DAG {dag_id!r} can't be triggered")
        return reply.run_id, reply.outcome

    def look_at(self, watch: Watch, *, check_existence: bool = False) -> tuple[Verdict, str]:
        """What other runs have come to, and what of them does not exist, if that is to be checked."""
        reply = self._link.request(AskWatch(watch, check_existence))
        if not isinstance(reply, WatchVerdict):
            raise unexpected(reply, f"runs of DAG {watch.dag_id!r} can't be looked at")
        return Verdict(reply.status, reply.seen), reply.missing

    def earlier_run(self, state: str | None) -> EarlierRunRecord | None:
        """The run of the own DAG with the next earlier logical date, of those in `state` if that is given."""
        reply = self._link.request(AskEarlierRun(state))
        if not isinstance(reply, EarlierRunFound):
            raise unexpected(reply, "the run before can't be looked at")
        if reply.found is None:
            return None
        run = reply.found.run
        return EarlierRunRecord(
            run_id=run.run_id,
            run_type=run.run_type,
            state=reply.found.state,
            conf=msgspec.json.decode(run.conf, type=dict[str, Any]),
            logical_date=_moment(run.logical_date),
            data_interval_start=_moment(run.data_interval_start),
            data_interval_end=_moment(run.data_interval_end),
            run_after=datetime.fromisoformat(run.run_after),
            start_date=_moment(run.start_date),
            end_date=_moment(reply.found.end_date),
        )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
