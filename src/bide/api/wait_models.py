"""Answers about waits."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bide.api.models import Answer


class Progress(Answer):
    """How far work outside is."""

    text: str
    fraction: float | None = Field(description="From 0 to 1.")


class Wait(Answer):
    """What one deferred task waits for."""

    id: str
    dag_id: str
    dag_run_id: str
    task_id: str
    map_index: int
    kind: str
    trigger: str = Field(description="Class path of the trigger.")
    subject: str = Field(description="One line: what is waited for.")
    since: datetime
    until: datetime | None = Field(description="When the deferral or the task times out, whichever is first.")
    due_at: datetime | None = Field(description="When a timer fires.")
    interval: float | None = Field(description="Seconds between the looks of a poll.")
    next_look: datetime | None
    progress: Progress | None = Field(description="How far the work outside is, if the trigger has said so.")
    held_by: str | None = Field(description="Session of the engine that looks after it.")
    where: str | None = Field(description="Runner process that holds it, if it is one of this engine.")
    queue: str = Field(description="Which triggerers may run it.")
    unserved: str | None = Field(description="Why nobody looks after it, and what to do about that.")


class WaitDetail(Wait):
    """One wait and what it is made of."""

    parts: list[Wait]


class WaitCount(Answer):
    """Waits of one kind and trigger class."""

    kind: str
    trigger: str
    waiting: int
    unclaimed: int = Field(description="Polls and streams that no triggerer has.")
    oldest: datetime


class ResumeLags(Answer):
    """Seconds from an event to the task's running again, of the latest resumes."""

    resumes: int
    median: float | None
    p95: float | None
    longest: float | None


class LookTimes(Answer):
    """How looks of polls went, since the processes began that make them."""

    looks: int
    late: int = Field(description="Those that began more than a second after their time.")
    longest_lag: float
    seconds: float = Field(description="Spent in looks, all together.")


class Triggerer(Answer):
    """A triggerer that is alive."""

    name: str
    queues: list[str] | None = Field(description="null: all.")
    holding: int | None = Field(description="null: it runs on another host and can't be asked.")
    capacity: int | None = Field(description="null: no limit.")
    quarantined: list[str]
    looks: LookTimes


class WaitStatistics(Answer):
    """Numbers about all waits."""

    counts: list[WaitCount]
    resume_lag: ResumeLags
    looks: LookTimes
    triggerers: list[Triggerer]


class WaitCancelled(Answer):
    """A wait that was ended by hand."""

    subject: str


class Waits(Answer):
    """Some waits."""

    waits: list[Wait]
    total_entries: int
