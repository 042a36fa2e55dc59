"""Timetables of authors' own: what is asked, and what becomes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bide.authoring.timetable import DagRunInfo, DataInterval, TimeRestriction, Timetable
from bide.control.ask_timetables import LEASE
from bide.control.pause_dag import pause_dag
from bide.model.dag_spec import DagSpec, ScheduleSpec
from bide.runner.timetables import ask
from bide.store import dags, timetable_questions
from bide.store.timetable_questions import Trouble
from bide.wire.messages import AskTimetable, TimetableAnswer
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

HOUR = timedelta(hours=1)
# The clock begins at 12:00.
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Rising(Timetable):
    """Each run an hour longer than the one before; those by hand are about the hour before."""

    def __init__(self) -> None:
        self.asked: list[tuple[DataInterval | None, TimeRestriction]] = []

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        self.asked.append((last_automated_data_interval, restriction))
        last = last_automated_data_interval
        if last is None:
            return DagRunInfo.interval(NOON - HOUR, NOON)
        return DagRunInfo.interval(last.end, last.end + (last.end - last.start) + HOUR)

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        return DataInterval(run_after - HOUR, run_after)


class InProcess:
    """Asks these timetables, by DAG; one that is an error is that, and None is no process to ask in."""

    def __init__(self, **timetables: Timetable | str | None) -> None:
        self.timetables = timetables
        self.questions: list[AskTimetable] = []

    async def ask(
        self, questions: Sequence[AskTimetable]
    ) -> AsyncIterator[tuple[AskTimetable, TimetableAnswer | None]]:
        for question in questions:
            self.questions.append(question)
            one = self.timetables[question.dag_id]
            if one is None:
                yield question, None
            elif isinstance(one, str):
                yield question, TimetableAnswer(error=one, traceback="Traceback")
            else:
                yield question, await asyncio.to_thread(ask, question, one)


def custom(dag_id: str = "d", **fields: Any) -> DagSpec:
    schedule = ScheduleSpec(kind="custom", classpath="my.Rising", data={"a": 1}, text="rising")
    return dag_spec(dag_id, schedule=schedule, max_active_runs=1_000, **fields)


async def starts(engine: HandEngine) -> list[str]:
    return sorted(name.removeprefix("scheduled__2026-03-") for name in await engine.run_states())


async def troubles(engine: HandEngine) -> list[Trouble]:
    return await engine.store.read(timetable_questions.troubles)


async def test_runs_come_as_the_timetable_says(engine: HandEngine) -> None:
    rising = Rising()
    engine.extensions = asker = InProcess(d=rising)
    await engine.register(custom(catchup=True, start_date=datetime(2026, 1, 1, tzinfo=UTC)))
    assert await engine.settle() == NOON + 2 * HOUR
    assert await starts(engine) == ["02T11:00:00+00:00"]
    await engine.skip_to_next()
    await engine.skip_to_next()
    assert await starts(engine) == ["02T11:00:00+00:00", "02T12:00:00+00:00", "02T14:00:00+00:00"]
    first, second = rising.asked[:2]
    assert first == (None, TimeRestriction(datetime(2026, 1, 1, tzinfo=UTC), None, True))
    assert second[0] == DataInterval(NOON - HOUR, NOON)
    question = asker.questions[0]
    assert (question.classpath, question.data, question.file) == ("my.Rising", {"a": 1}, "/dags/d.py")


async def test_run_after_may_be_later_than_the_interval(engine: HandEngine) -> None:
    class Late(Rising):
        def next_dagrun_info(self, **given: Any) -> DagRunInfo | None:
            if given["last_automated_data_interval"] is not None:
                return None
            return DagRunInfo(NOON + HOUR, DataInterval(NOON - HOUR, NOON))

    engine.extensions = InProcess(d=Late())
    await engine.register(custom())
    assert await engine.settle() == NOON + HOUR
    assert await starts(engine) == []
    await engine.skip_to_next()
    assert await starts(engine) == ["02T11:00:00+00:00"]
    assert await engine.settle() is None


class Named3(Rising):
    def generate_run_id(self, *, run_type: str, run_after: datetime, data_interval: DataInterval | None) -> str:
        assert data_interval is not None and data_interval.end == run_after
        return f"{run_type}-at-{run_after:%H}"


class Named2(Rising):
    """As it is written for Airflow 2."""

    def generate_run_id(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *, run_type: str, logical_date: datetime, data_interval: DataInterval | None, **extra: Any
    ) -> str:
        return f"{run_type}-of-{logical_date:%H}"


@pytest.mark.parametrize(
    ("timetable", "names"),
    [(Named3(), ["scheduled-at-12", "scheduled-at-14"]), (Named2(), ["scheduled-of-11", "scheduled-of-12"])],
)
async def test_a_timetable_may_name_its_runs(engine: HandEngine, timetable: Timetable, names: list[str]) -> None:
    engine.extensions = InProcess(d=timetable)
    await engine.register(custom(catchup=True, start_date=datetime(2026, 1, 1, tzinfo=UTC)))
    await engine.settle()
    await engine.skip_to_next()
    assert sorted(await engine.run_states()) == names


async def test_a_name_that_no_run_can_have_is_told(engine: HandEngine) -> None:
    class Wrong(Rising):
        def generate_run_id(self, **given: Any) -> str:
            return "no spaces please"

    engine.extensions = InProcess(d=Wrong())
    await engine.register(custom())
    await engine.settle()
    assert await engine.run_states() == {}
    (trouble,) = await troubles(engine)
    assert "'no spaces please' can't be a run id" in trouble.error


async def test_one_that_fails_is_asked_again_later_and_harms_no_other(engine: HandEngine) -> None:
    engine.extensions = asker = InProcess(bad="ValueError: no", d=Rising())
    await engine.register(custom("bad"))
    await engine.register(custom())
    await engine.settle()
    assert await starts(engine) == ["02T11:00:00+00:00"]
    (trouble,) = await troubles(engine)
    assert (trouble.dag_id, trouble.stack_trace) == ("bad", "Traceback")
    assert trouble.error == "the timetable my.Rising failed: ValueError: no"
    pauses: list[float] = []
    for _ in range(3):
        before = engine.clock.now()
        await engine.skip_to_next()
        pauses.append((engine.clock.now() - before).total_seconds())
    assert pauses == [10.0, 20.0, 40.0]
    asker.timetables["bad"] = Rising()
    await engine.skip_to_next()
    assert await troubles(engine) == []
    row = await engine.store.read(lambda tx: dags.find(tx, "bad"))
    assert row is not None
    assert row.next_run_at == NOON + 2 * HOUR


async def test_a_run_that_it_has_given_before_is_refused(engine: HandEngine) -> None:
    class Stuck(Rising):
        def next_dagrun_info(self, **given: Any) -> DagRunInfo | None:
            return DagRunInfo.interval(NOON - HOUR, NOON)

    engine.extensions = InProcess(d=Stuck())
    await engine.register(custom())
    await engine.settle()
    assert await starts(engine) == ["02T11:00:00+00:00"]
    (trouble,) = await troubles(engine)
    assert "gives the run about 2026-03-02T11:00:00+00:00 to 2026-03-02T12:00:00+00:00 again" in trouble.error


async def test_a_new_version_is_asked_anew(engine: HandEngine) -> None:
    engine.extensions = asker = InProcess(d="ValueError: no")
    await engine.register(custom())
    await engine.settle()
    asker.timetables["d"] = Rising()
    await engine.register(custom(description="mended"))
    await engine.settle()
    assert await troubles(engine) == []
    assert await starts(engine) == ["02T11:00:00+00:00"]


async def test_a_plain_schedule_instead_takes_the_question_back(engine: HandEngine) -> None:
    engine.extensions = InProcess(d="ValueError: no")
    await engine.register(custom())
    await engine.settle()
    await engine.register(dag_spec("d"))
    assert await engine.settle() is None
    assert await troubles(engine) == []


async def test_the_answer_to_an_old_question_is_dropped(engine: HandEngine) -> None:
    class Meanwhile(InProcess):
        async def ask(self, questions: Sequence[AskTimetable]) -> AsyncIterator[Any]:
            async for question, answer in super().ask(questions):
                if len(self.questions) == 1:
                    await engine.register(dag_spec("d"))
                yield question, answer

    engine.extensions = Meanwhile(d=Rising())
    await engine.register(custom())
    assert await engine.settle() is None
    row = await engine.store.read(lambda tx: dags.find(tx, "d"))
    assert row is not None
    assert row.next_run_at is None


async def test_without_a_process_it_is_asked_soon_again(engine: HandEngine) -> None:
    engine.extensions = asker = InProcess(d=None)
    await engine.register(custom())
    assert await engine.settle() == NOON + timedelta(seconds=2)
    assert await troubles(engine) == []
    asker.timetables["d"] = Rising()
    await engine.skip_to_next()
    assert await starts(engine) == ["02T11:00:00+00:00"]


async def test_a_question_whose_engine_died_is_asked_by_another(engine: HandEngine) -> None:
    class Dies(InProcess):
        async def ask(self, questions: Sequence[AskTimetable]) -> AsyncIterator[Any]:
            raise ConnectionAbortedError
            yield

    engine.extensions = Dies(d=Rising())
    await engine.register(custom())
    with pytest.raises(ConnectionAbortedError):
        await engine.settle()
    engine.extensions = InProcess(d=Rising())
    assert await engine.settle() == NOON + LEASE
    await engine.skip_to_next()
    assert await starts(engine) == ["02T11:00:00+00:00"]


async def test_unpausing_asks_again(engine: HandEngine) -> None:
    engine.extensions = InProcess(d=Rising())
    await engine.register(custom(), paused=True)
    await engine.settle()
    assert await starts(engine) == []
    await pause_dag(engine.store, "d", False, by="ada")
    await engine.settle()
    assert await starts(engine) == ["02T11:00:00+00:00"]


async def test_a_run_by_hand_starts_when_its_interval_is_known(engine: HandEngine) -> None:
    engine.extensions = asker = InProcess(d=None)
    await engine.register(custom(), paused=True)
    run = await engine.create("d")
    await engine.settle()
    assert (await engine.run_row(run))["state"] == "queued"
    asker.timetables["d"] = Rising()
    await engine.skip_to_next()
    row = await engine.run_row(run)
    assert row["state"] == "running"
    assert row["data_interval_end"] - row["data_interval_start"] == HOUR
    assert row["data_interval_end"] == run.logical_date
    order = (await engine.start())["a"]
    assert order.run.data_interval_start == row["data_interval_start"].isoformat()


async def test_a_run_by_hand_fails_if_nobody_can_say_what_it_is_about(engine: HandEngine) -> None:
    engine.extensions = InProcess(d="NotImplementedError: no")
    await engine.register(custom(), paused=True)
    run = await engine.create("d")
    await engine.settle()
    row = await engine.run_row(run)
    assert row["state"] == "failed"
    assert row["reason"] == "the timetable my.Rising failed: NotImplementedError: no"
