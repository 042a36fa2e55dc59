"""The messages between the engine and the extension runner about timetables of authors' own.

Moments are ISO 8601 strings in UTC.
"""

from __future__ import annotations

from typing import Any

from bide.wire.message import Message


class AskTimetable(Message, frozen=True):
    """Engine → extension runner: when does the DAG run next, or, with `at`, what is a run by hand about?"""

    question_id: str
    attempt: int
    dag_id: str
    file: str
    folder: str
    classpath: str
    data: dict[str, Any]
    #: The data interval of the last scheduled run.
    last: tuple[str, str] | None = None
    earliest: str | None = None
    latest: str | None = None
    catchup: bool = False
    #: The run that waits for the answer, and its logical date.
    run_uid: str | None = None
    at: str | None = None


class TimetableAnswer(Message, frozen=True):
    """Extension runner → engine. Without an interval and an error there is no run to come."""

    run_after: str | None = None
    interval: tuple[str, str] | None = None
    #: How it names the run; None leaves that to the engine.
    run_id: str | None = None
    #: One line.
    error: str = ""
    traceback: str = ""
