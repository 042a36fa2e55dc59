"""Have timetables of authors' own asked when their DAGs run, in a process apart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

import structlog

from bide.control.ask_timetables import ask_later, claim_questions, take_answer
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.store import Store, Topic, timetable_questions
from bide.wire.messages import AskTimetable, TimetableAnswer

log = structlog.get_logger("bide.timetables")

#: Questions that one process is asked.
_BATCH: Final = 50
#: Seconds before a question is asked again for which there was no process.
_PAUSE: Final = 2.0


class Asks(Protocol):
    """Whoever asks them: :class:`bide.engine.extensions.Extensions`."""

    def ask(self, questions: Sequence[AskTimetable]) -> AsyncIterator[tuple[AskTimetable, TimetableAnswer | None]]:
        """Each question with its answer, as they come; None where nobody could be asked."""
        ...


@dataclass(frozen=True, slots=True)
class AskTimetables:
    """Takes questions that are due, and stores the answers."""

    store: Store
    extensions: Asks
    scope: Scope
    name: ClassVar[str] = "ask_timetables"
    topics: ClassVar[tuple[Topic, ...]] = ("dags",)

    async def run(self) -> Next:
        """Ask what is due."""
        only = self.scope.only_run
        due_at = await self.store.read(lambda tx: timetable_questions.next_due(tx, only))
        if due_at is None or due_at > self.store.clock.now():
            return Next(due_at=due_at)
        questions = await claim_questions(self.store, _BATCH, only)
        async for question, answer in self.extensions.ask(questions):
            if answer is None:
                await ask_later(self.store, question, _PAUSE)
                continue
            if answer.error:
                log.error("timetable_failed", dag_id=question.dag_id, error=answer.error)
            await take_answer(self.store, question, answer)
        return Next(again=True)
