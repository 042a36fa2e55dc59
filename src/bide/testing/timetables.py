"""A DAG's own timetable in a test: it is asked where the DAG is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from bide.authoring.dag import DAG
from bide.runner.timetables import ask
from bide.wire.messages import AskTimetable, TimetableAnswer


class InlineTimetables:
    """Asks the timetable of `dag`."""

    def __init__(self, dag: DAG) -> None:
        self._dag = dag

    async def ask(
        self, questions: Sequence[AskTimetable]
    ) -> AsyncIterator[tuple[AskTimetable, TimetableAnswer | None]]:
        """Each question with its answer."""
        for question in questions:
            yield question, ask(question, self._dag.timetable)
