"""Bodies of requests and answers about backfills. Names and shapes follow Airflow 3's REST API v2."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from bide.api.models import Answer, Question
from bide.model.backfills import BackfillState, Reprocess, Step


class Backfill(Answer):
    """One backfill."""

    id: int
    dag_id: str
    dag_display_name: str
    from_date: datetime
    to_date: datetime
    dag_run_conf: dict[str, Any]
    is_paused: bool
    reprocess_behavior: Reprocess
    only_failed_tasks: bool = Field(description="Of runs that run again, only the tasks that failed.")
    run_backwards: bool
    max_active_runs: int | None = Field(description="Null for as many as the DAG allows.")
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    state: BackfillState
    total: int = Field(description="Dates that it has.")
    done: int = Field(description="Dates of which nothing more is to come.")
    counts: dict[str, int] = Field(
        description="Dates by what they are: planned, the state of their run, left_out, cancelled or deleted."
    )


class Backfills(Answer):
    """Some backfills."""

    backfills: list[Backfill]
    total_entries: int


class NewBackfill(Question):
    """A backfill to make. Moments without a zone are meant in that of the DAG's schedule."""

    dag_id: str
    from_date: datetime
    to_date: datetime
    run_backwards: bool = False
    dag_run_conf: dict[str, Any] | None = None
    reprocess_behavior: Reprocess = Reprocess.NONE
    only_failed_tasks: bool = False
    max_active_runs: int | None = None


class DryRunDate(Answer):
    """What would be done about one date."""

    logical_date: datetime
    data_interval_start: datetime
    data_interval_end: datetime
    step: Step
    dag_run_id: str | None = Field(description="The run that it has.")


class DryRun(Answer):
    """The dates in the order of their turns."""

    backfills: list[DryRunDate]
    total_entries: int


class BackfillDate(Answer):
    """What came of one date."""

    logical_date: datetime
    data_interval_start: datetime
    data_interval_end: datetime
    dag_run_id: str | None
    state: str
    reason: str | None = Field(description="Why it got no run.")


class BackfillDates(Answer):
    """The dates in the order of their turns."""

    dates: list[BackfillDate]
    total_entries: int
