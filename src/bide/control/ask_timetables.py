"""What timetables of authors' own are to be asked, and what becomes of their answers.

They are code that the engine never runs: a process of its own is sent the questions, and the answers are stored as
rows. A timetable that fails is asked again later, and harms its own DAG only.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from bide.control.end_runs import finish_run
from bide.control.force_states import force
from bide.control.selecting import select
from bide.model.selection import RunChoice, plan_run
from bide.model.states import FINISHED_RUN, RunState
from bide.model.timetables import Interval
from bide.store import Store, Tx, dags, runs, specs, timetable_questions
from bide.store.timetable_questions import QuestionRow
from bide.wire.messages import AskTimetable, TimetableAnswer

#: Within this time a question is answered, or whoever had it is gone.
LEASE: Final = timedelta(seconds=120)
#: Seconds before the second attempt; each further pause is twice as long, up to the longest.
_FIRST_PAUSE: Final = 10.0
_LONGEST_PAUSE: Final = 3600.0


async def claim_questions(store: Store, limit: int, only: str | None = None) -> list[AskTimetable]:
    """Take questions that are due, with all that their timetables have to know."""

    def work(tx: Tx) -> list[AskTimetable]:
        found = [(row, _question(tx, row)) for row in timetable_questions.claim(tx, limit, LEASE, only)]
        for row, question in found:
            if question is None:
                timetable_questions.settle(tx, row.uid, row.attempts)
        return [question for _, question in found if question is not None]

    return await store.write(work)


def _question(tx: Tx, row: QuestionRow) -> AskTimetable | None:
    """What is to be asked; None if there is nobody who wants to know."""
    known = dags.find(tx, row.dag_id)
    if known is None or (row.run_uid is None and not known.is_active):
        return None
    run = None if row.run_uid is None else runs.get_many(tx, [row.run_uid]).get(row.run_uid)
    spec = specs.structure_of(tx, known.version_uid if run is None else run.version_uid).spec
    if spec.schedule.kind != "custom":
        return None
    last = dags.last_interval(tx, row.dag_id)
    at = None if run is None else (run.logical_date or run.run_after)
    return AskTimetable(
        question_id=row.uid,
        attempt=row.attempts,
        dag_id=row.dag_id,
        file=spec.file,
        folder=spec.folder,
        classpath=spec.schedule.classpath,
        data=spec.schedule.data,
        last=None if last is None else (_iso(last.start), _iso(last.end)),
        earliest=spec.start_date,
        latest=spec.end_date,
        catchup=spec.catchup,
        run_uid=row.run_uid,
        at=None if at is None else _iso(at),
    )


async def take_answer(store: Store, question: AskTimetable, answer: TimetableAnswer) -> None:
    """Store what a timetable has answered."""

    def work(tx: Tx) -> None:
        if answer.error:
            _take_failure(tx, question, answer)
        elif timetable_questions.settle(tx, question.question_id, question.attempt):
            interval = None if answer.interval is None else Interval(*map(_moment, answer.interval))
            if question.run_uid is None:
                run_after = None if answer.run_after is None else _moment(answer.run_after)
                dags.set_next_run(tx, question.dag_id, interval, run_after, run_id=answer.run_id)
                tx.ring("dags")
            elif interval is not None:
                runs.set_interval(tx, question.run_uid, interval)

    await store.write(work)


async def ask_later(store: Store, question: AskTimetable, seconds: float) -> None:
    """There was no process to ask in."""
    await store.write(
        lambda tx: timetable_questions.postpone(
            tx, question.question_id, question.attempt, tx.now + timedelta(seconds=seconds)
        )
    )


def _take_failure(tx: Tx, question: AskTimetable, answer: TimetableAnswer) -> None:
    text = f"the timetable {question.classpath} failed: {answer.error}"
    if question.run_uid is None:
        pause = min(_FIRST_PAUSE * 2.0 ** min(question.attempt - 1, 20), _LONGEST_PAUSE)
        timetable_questions.postpone(
            tx,
            question.question_id,
            question.attempt,
            tx.now + timedelta(seconds=pause),
            error=text,
            trace=answer.traceback,
        )
    elif timetable_questions.settle(tx, question.question_id, question.attempt):
        # Nobody can say what the run is about.
        run = runs.get_many(tx, [question.run_uid])[question.run_uid]
        if run.state not in FINISHED_RUN:
            (one,) = select(tx, run.dag_id, RunChoice(run_ids=frozenset({run.run_id})))
            force(tx, plan_run(one.found, RunState.FAILED), by="timetable", error=text)
            finish_run(tx, runs.get_many(tx, [run.uid])[run.uid], RunState.FAILED, reason=text)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
