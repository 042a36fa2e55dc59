"""What tasks ask people, as bodies of requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from bide.api.models import Answer, Question


class HumanUser(Answer):
    """Somebody who answers questions."""

    id: str
    name: str


class HumanAnswer(Question):
    """An answer to what a task asks."""

    chosen_options: list[str]
    params_input: dict[str, Any] = {}


class HumanQuestion(Answer):
    """What a task asks people, and what was answered."""

    dag_id: str
    dag_run_id: str
    task_id: str
    map_index: int
    subject: str
    body: str
    options: list[str]
    defaults: list[str] | None
    multiple: bool
    params: dict[str, Any]
    assigned_users: list[str]
    created_at: datetime
    response_received: bool
    is_open: bool = Field(description="Whether the task waits for the answer.")
    chosen_options: list[str] | None
    params_input: dict[str, Any] | None
    responded_by_user: HumanUser | None
    responded_at: datetime | None


class HumanQuestions(Answer):
    """Questions, the newest first."""

    hitl_details: list[HumanQuestion]
    total_entries: int
