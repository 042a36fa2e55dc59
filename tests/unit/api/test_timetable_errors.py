"""Timetables that fail, over HTTP."""

from __future__ import annotations

import httpx
import msgspec

from bide.control.ask_timetables import claim_questions, take_answer
from bide.model.dag_spec import ScheduleSpec
from bide.store import Store
from bide.wire.messages import TimetableAnswer
from tests.unit.api.conftest import etl, put_file


async def test_a_dag_says_why_its_timetable_fails(admin: httpx.AsyncClient, store: Store) -> None:
    mine = ScheduleSpec(kind="custom", classpath="my.Calendar", text="Calendar")
    await put_file(store, "/dags/etl.py", etl("etl"), msgspec.structs.replace(etl("mine"), schedule=mine))
    (question,) = await claim_questions(store, 10)
    await take_answer(store, question, TimetableAnswer(error="LookupError: no calendar"))
    error = "the timetable my.Calendar failed: LookupError: no calendar"
    assert (await admin.get("/api/v2/dags/mine")).json()["timetable_error"] == error
    found = {dag["dag_id"]: dag["timetable_error"] for dag in (await admin.get("/api/v2/dags")).json()["dags"]}
    assert found["mine"] == error
    assert found["etl"] is None
