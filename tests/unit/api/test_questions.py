"""What tasks ask people, through the API."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from bide.model.questions import Question
from bide.store import Store
from bide.wire.messages import WaitSpec
from tests.support.clock import HeldClock
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

ONE = "/api/v2/dags/asks/dagRuns/r1/taskInstances/a/-1/hitlDetails"


@pytest.fixture
async def engine(store: Store, clock: HeldClock, tmp_path: Path) -> HandEngine:
    """A run whose only task asks whether to go on."""
    engine = HandEngine(store, clock, tmp_path / "logs")
    await engine.run_of(dag_spec("asks"), run_id="r1")
    question = Question("Go on?", ("yes", "no"), form={"why": {"value": "", "description": None, "schema": {}}})
    await engine.defer("a", WaitSpec("signal", "x.HumanTrigger", b"{}", signal="answer", question=question))
    return engine


async def test_a_question_is_listed_and_answered(admin: httpx.AsyncClient, engine: HandEngine) -> None:
    listed = (await admin.get("/api/v2/dags/~/dagRuns/~/hitlDetails")).json()
    assert listed["total_entries"] == 1
    (asked,) = listed["hitl_details"]
    assert (asked["subject"], asked["options"], asked["response_received"]) == ("Go on?", ["yes", "no"], False)
    body = {"chosen_options": ["yes"], "params_input": {"why": "it is time"}}
    answered = await admin.patch(ONE, json=body)
    assert answered.status_code == 200, answered.text
    found = answered.json()
    assert (found["chosen_options"], found["params_input"]) == (["yes"], {"why": "it is time"})
    assert (found["responded_by_user"], found["is_open"]) == ({"id": "admin", "name": "admin"}, False)
    assert (await admin.get(ONE)).json() == found
    of_run = "/api/v2/dags/asks/dagRuns/r1/hitlDetails?response_received=false"
    assert (await admin.get(of_run)).json()["total_entries"] == 0
    await engine.settle()
    assert (await engine.instance("a"))["state"] != "deferred"


async def test_what_is_no_answer_is_refused(admin: httpx.AsyncClient, engine: HandEngine) -> None:
    refused = await admin.patch(ONE, json={"chosen_options": ["maybe"]})
    assert (refused.status_code, refused.json()["detail"]) == (422, "'maybe' is none of the options: yes, no")
    assert (await admin.patch(ONE, json={"chosen_options": ["yes"]})).status_code == 200
    again = await admin.patch(ONE, json={"chosen_options": ["no"]})
    assert again.status_code == 409 and "admin has answered" in again.json()["detail"]


async def test_a_task_that_asks_nothing_is_told(admin: httpx.AsyncClient, engine: HandEngine) -> None:
    await engine.run_of(dag_spec("quiet"), run_id="r2")
    answer = await admin.get("/api/v2/dags/quiet/dagRuns/r2/taskInstances/a/-1/hitlDetails")
    assert (answer.status_code, "has asked nothing" in answer.text) == (404, True)


async def test_nobody_answers_without_a_login(anyone: httpx.AsyncClient, engine: HandEngine) -> None:
    assert (await anyone.patch(ONE, json={"chosen_options": ["yes"]})).status_code == 401
