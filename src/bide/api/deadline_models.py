"""Bodies of answers about deadlines."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bide.api.models import Answer


class Deadline(Answer):
    """By when a task, or a run, should have succeeded."""

    id: str
    dag_id: str
    dag_run_id: str
    task_id: str | None = Field(description="The task whose sla= it is; null for a deadline alert of the run.")
    alert_name: str | None
    reference: str = Field(description="What it is counted from.")
    deadline_time: datetime
    missed: bool
    missed_at: datetime | None
    callback_pending: bool = Field(description="Whether its callback has still to be called.")


class Deadlines(Answer):
    """Some deadlines."""

    deadlines: list[Deadline]
    total_entries: int
