"""Answers about the tries of a task instance."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bide.api.models import Answer
from bide.model.states import TaskState


class TaskInstanceTry(Answer):
    """One try of a task instance."""

    task_id: str
    dag_id: str
    dag_run_id: str
    map_index: int
    try_number: int
    max_tries: int
    state: TaskState = Field(description="In which it ended, or is.")
    start_date: datetime | None
    end_date: datetime | None
    duration: float | None
    hostname: str | None
    operator: str | None
    pool: str
    queue: str
    error: str = Field(description="One line: why it failed; empty if it has not.")
    log_url: str = Field(description="Path of its log.")


class TaskInstanceTries(Answer):
    """The tries of a task instance, the first one first."""

    task_instances: list[TaskInstanceTry]
    total_entries: int
