"""Timetables in processes of their own, wherever their classes are and whatever they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bide.authoring.loading import module_name
from bide.engine.extensions import Extensions
from bide.engine.template import Template
from bide.wire.messages import AskTimetable, TimetableAnswer
from tests.support.executors import running_template

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("no_blocking")]

TIMETABLES = """
import os
import sys
import time
from datetime import timedelta

import pendulum
from bide import DAG, DagRunInfo, DataInterval, Timetable


class Daily(Timetable):
    def __init__(self, hour):
        self.hour = hour

    def serialize(self):
        return {"hour": self.hour}

    @classmethod
    def deserialize(cls, data):
        return cls(data["hour"])

    def infer_manual_data_interval(self, *, run_after):
        return DataInterval(run_after.subtract(days=1), run_after)

    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        if last_automated_data_interval is None:
            start = restriction.earliest.replace(hour=self.hour)
        else:
            start = last_automated_data_interval.end
        assert isinstance(start, pendulum.DateTime)
        return DagRunInfo.interval(start, start + timedelta(days=1))

    class Inner(Timetable):
        def next_dagrun_info(self, **given):
            return None


class Does(Timetable):
    def __init__(self, what="nothing"):
        self.what = what

    @classmethod
    def deserialize(cls, data):
        return cls(data["what"])

    def next_dagrun_info(self, **given):
        if self.what == "exits":
            sys.exit(3)
        if self.what == "dies":
            os._exit(4)
        if self.what == "hangs":
            time.sleep(600)
        if self.what == "lies":
            return "tomorrow"
        raise ValueError(self.what)


DAG("d", schedule=Daily(8))
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def template(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Template]:
    async with running_template(tmp_path_factory.mktemp("template")) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "d.py").write_text(TIMETABLES)
    (tmp_path / "dags" / "calendars.py").write_text(TIMETABLES)
    return tmp_path / "dags"


def question(folder: Path, classpath: str, data: dict[str, Any] | None = None, **fields: Any) -> AskTimetable:
    values: dict[str, Any] = {
        "question_id": "q",
        "attempt": 1,
        "dag_id": "d",
        "earliest": "2026-03-01T12:00:00+00:00",
    }
    return AskTimetable(
        file=str(folder / "d.py"), folder=str(folder), classpath=classpath, data=data or {}, **{**values, **fields}
    )


async def asked(
    template: Template, *questions: AskTimetable, timeout: float = 30.0
) -> list[TimetableAnswer | None]:
    extensions = Extensions(template, timeout=timeout)
    async with asyncio.timeout(60):
        return [answer async for _, answer in extensions.ask(questions)]


@pytest.mark.parametrize("where", ["dag file", "module"])
async def test_a_timetable_answers_wherever_its_class_is(template: Template, folder: Path, where: str) -> None:
    module = "calendars" if where == "module" else module_name(str(folder / "d.py"))
    first, later, by_hand, none = await asked(
        template,
        question(folder, f"{module}.Daily", {"hour": 8}),
        question(
            folder,
            f"{module}.Daily",
            {"hour": 8},
            last=("2026-03-04T08:00:00+00:00", "2026-03-05T08:00:00+00:00"),
        ),
        question(folder, f"{module}.Daily", {"hour": 8}, at="2026-03-05T00:00:00+00:00"),
        question(folder, f"{module}.Daily.Inner"),
    )
    assert first == TimetableAnswer(
        run_after="2026-03-02T08:00:00+00:00",
        interval=("2026-03-01T08:00:00+00:00", "2026-03-02T08:00:00+00:00"),
    )
    assert later is not None
    assert later.interval == ("2026-03-05T08:00:00+00:00", "2026-03-06T08:00:00+00:00")
    assert by_hand is not None
    assert by_hand.interval == ("2026-03-04T00:00:00+00:00", "2026-03-05T00:00:00+00:00")
    assert none == TimetableAnswer()


async def test_whatever_one_does_the_others_are_asked(template: Template, folder: Path) -> None:
    doing = ["raises", "exits", "lies", "dies", "hangs", "raises again"]
    answers = await asked(
        template,
        *(question(folder, "calendars.Does", {"what": what}) for what in doing),
        question(folder, "calendars.Missing"),
        question(folder, "no_such_module.Daily"),
        question(folder, "calendars.DagRunInfo"),
        question(folder, "calendars.Daily", {"hour": 8}),
        timeout=3.0,
    )
    errors = [answer.error for answer in answers if answer is not None]
    assert errors[:6] == [
        "ValueError: raises",
        "SystemExit: the code called sys.exit(3)",
        "InvalidArgument: next_dagrun_info() must give a DagRunInfo or None, not 'tomorrow'",
        "its process exited with code 4",
        "it took longer than 3 s and was stopped",
        "ValueError: raises again",
    ]
    assert "is no timetable class" in errors[6]
    assert "No module named 'no_such_module'" in errors[7]
    assert "must derive from Timetable" in errors[8]
    assert errors[9] == ""
    assert answers[0] is not None
    assert "raise ValueError(self.what)" in answers[0].traceback


async def test_changed_code_counts_at_once(template: Template, folder: Path) -> None:
    (before,) = await asked(template, question(folder, "calendars.Does", {"what": "one"}))
    text = TIMETABLES.replace("raise ValueError(self.what)", "raise KeyError(self.what)")
    (folder / "calendars.py").write_text(text)
    (after,) = await asked(template, question(folder, "calendars.Does", {"what": "one"}))
    assert before is not None and after is not None
    assert (before.error, after.error) == ("ValueError: one", "KeyError: 'one'")
