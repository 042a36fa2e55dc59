"""What tasks ask people: asked, answered once, refused when it is no answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from bide.control.answer_question import answer_question
from bide.control.clear_tasks import clear_tasks
from bide.model.errors import Conflict, InvalidArgument, NotFound
from bide.model.questions import Answer, NotAssigned, Question
from bide.model.selection import RunChoice, TaskChoice
from bide.model.values import decode
from bide.store import questions
from bide.store.runs import RunRow
from bide.store.schema import log, resume
from bide.wire.messages import WaitSpec
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

FORM = {"amount": {"value": 5, "description": None, "schema": {"type": "integer"}}}


def asks(**fields: Any) -> WaitSpec:
    question = Question(**{"subject": "Go on?", "options": ("yes", "no"), **fields})
    return WaitSpec("signal", "x.HumanTrigger", b"{}", signal="answer", question=question)


async def asking(engine: HandEngine, wait: WaitSpec | None = None, **fields: Any) -> tuple[RunRow, str]:
    run = await engine.run_of(dag_spec("d"))
    await engine.defer("a", wait or asks(**fields))
    return run, (await engine.instance("a"))["uid"]


async def answer(engine: HandEngine, uid: str, *chosen: str, by: str = "ada", **given: Any) -> Answer:
    return await answer_question(engine.store, uid, chosen=chosen, given=given, by=by)


async def test_an_answer_lets_the_task_go_on(engine: HandEngine) -> None:
    run, uid = await asking(engine, form=FORM)
    (asked,) = await engine.store.read(lambda tx: questions.listed(tx, only_open=True))
    assert (asked.dag_id, asked.task_id, asked.question.subject, asked.is_open) == ("d", "a", "Go on?", True)
    assert await answer(engine, uid, "yes") == Answer(("yes",), {"amount": 5})
    await engine.settle()
    assert (await engine.states(run))["a"] in ("scheduled", "queued", "running")
    (event,) = await engine.store.read(lambda tx: tx.conn.execute(sa.select(resume.c.event)).scalars().all())
    told = decode(event)
    assert (told["chosen_options"], told["params_input"]) == (["yes"], {"amount": 5})
    assert told["responded_by_user"] == {"id": "ada", "name": "ada"}
    (kept,) = await engine.store.read(questions.listed)
    assert (kept.is_open, kept.answered_by, kept.answer) == (False, "ada", Answer(("yes",), {"amount": 5}))
    query = sa.select(log.c.event, log.c.owner, log.c.extra).where(log.c.event == "answer")
    assert await engine.store.read(lambda tx: tx.conn.execute(query).all()) == [("answer", "ada", "yes")]


async def test_the_first_answer_counts(engine: HandEngine) -> None:
    _, uid = await asking(engine)
    found = await asyncio.gather(
        answer(engine, uid, "yes", by="ada"), answer(engine, uid, "no", by="bob"), return_exceptions=True
    )
    assert sorted(type(one) for one in found if not isinstance(one, Answer)) == [Conflict]
    with pytest.raises(Conflict, match=r"waits for no answer any more: (ada|bob) has answered"):
        await answer(engine, uid, "no")


async def test_only_those_who_were_asked_may_answer(engine: HandEngine) -> None:
    _, uid = await asking(engine, assignees=("ada", "Bob B."))
    with pytest.raises(NotAssigned, match=r"'eve' was not asked; only ada, Bob B\. may answer"):
        await answer(engine, uid, "yes", by="eve")
    assert (await answer(engine, uid, "yes", by="ada")).chosen_options == ("yes",)


@pytest.mark.parametrize(
    ("chosen", "given", "message"),
    [
        (["maybe"], {}, "'maybe' is none of the options: yes, no"),
        ([], {}, "choose one of the options: yes, no"),
        (["yes", "no"], {}, "only one option may be chosen"),
        (["yes"], {"sum": 1}, "the form has no field 'sum'; it has amount"),
        (["yes"], {"amount": None}, "the form lacks 'amount'"),
        (["yes"], {"amount": "many"}, "field 'amount' of the form: 'many' is not of type 'integer'"),
    ],
)
async def test_what_is_no_answer_is_refused(engine: HandEngine, chosen: Any, given: Any, message: str) -> None:
    _, uid = await asking(engine, form=FORM)
    with pytest.raises(InvalidArgument, match=message):
        await answer(engine, uid, *chosen, **given)
    (asked,) = await engine.store.read(questions.listed)
    assert asked.is_open and asked.answer is None


async def test_several_options_where_they_may_be(engine: HandEngine) -> None:
    _, uid = await asking(engine, multiple=True)
    assert (await answer(engine, uid, "yes", "no")).chosen_options == ("yes", "no")


async def test_a_part_of_a_wait_is_answered_too(engine: HandEngine) -> None:
    import msgspec

    part = msgspec.structs.replace(asks(), name="answer")
    late = WaitSpec("signal", "x.T", b"{}", signal="late", name="late")
    run, uid = await asking(engine, WaitSpec("any", "x.C", b"{}", children=(part, late), needed=1))
    await answer(engine, uid, "no")
    await engine.settle()
    assert (await engine.states(run))["a"] != "deferred"


async def test_what_is_cleared_asks_again(engine: HandEngine) -> None:
    run, uid = await asking(engine)
    await answer(engine, uid, "yes")
    await clear_tasks(engine.store, "d", which_runs=RunChoice(), which_tasks=TaskChoice(), by="ada")
    await engine.defer("a", asks(subject="Again?"))
    (asked,) = await engine.store.read(lambda tx: questions.listed(tx, dag_id="d", run_id=run.run_id))
    assert (asked.question.subject, asked.is_open, asked.answer) == ("Again?", True, None)


async def test_a_task_that_asks_nothing(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    with pytest.raises(NotFound, match="has asked nothing"):
        await answer(engine, (await engine.instance("a"))["uid"], "yes")
