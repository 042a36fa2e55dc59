"""What tasks ask people: list, answer. Paths and shapes are those of Airflow's ``hitlDetails``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from bide.api import models
from bide.api.question_models import HumanAnswer, HumanQuestion, HumanQuestions, HumanUser
from bide.api.routes.dag_runs import ANY
from bide.api.routes.task_instances import find_instance
from bide.api.services import Given, User
from bide.control.answer_question import answer_question
from bide.model.errors import NotFound
from bide.store import Tx, questions
from bide.store.questions import QuestionRow

router = APIRouter(
    prefix="/dags/{dag_id}/dagRuns/{dag_run_id}",
    tags=["Human in the Loop"],
    responses={404: {"model": models.Problem}, 409: {"model": models.Problem}},
)


@router.get("/hitlDetails")
async def list_all(
    dag_id: str,
    dag_run_id: str,
    services: Given,
    response_received: Annotated[bool | None, Query(description="Only those that are answered, or not.")] = None,
) -> HumanQuestions:
    """Questions of a run, the newest first; ``~`` stands for all DAGs or all runs."""

    def work(tx: Tx) -> HumanQuestions:
        found = questions.listed(
            tx, dag_id=None if dag_id == ANY else dag_id, run_id=None if dag_run_id == ANY else dag_run_id
        )
        shown = [one for one in found if response_received in (None, one.answer is not None)]
        return HumanQuestions(hitl_details=[_shown(one) for one in shown], total_entries=len(shown))

    return await services.read(work)


@router.get("/taskInstances/{task_id}/{map_index}/hitlDetails")
async def get_one(dag_id: str, dag_run_id: str, task_id: str, map_index: int, services: Given) -> HumanQuestion:
    """What a task asks."""
    instance = await find_instance(services, dag_id, dag_run_id, task_id, map_index)
    found = await services.read(lambda tx: questions.find(tx, instance.uid))
    if found is None:
        raise NotFound(f"{dag_id}.{task_id} of run {dag_run_id!r} has asked nothing")
    return _shown(found)


@router.patch("/taskInstances/{task_id}/{map_index}/hitlDetails")
async def answer(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    map_index: int,
    body: HumanAnswer,
    services: Given,
    user: User,
) -> HumanQuestion:
    """Answer what a task asks: it goes on. The first answer counts."""
    instance = await find_instance(services, dag_id, dag_run_id, task_id, map_index)
    await answer_question(
        services.store, instance.uid, chosen=body.chosen_options, given=body.params_input, by=user
    )
    return await get_one(dag_id, dag_run_id, task_id, map_index, services)


def _shown(row: QuestionRow) -> HumanQuestion:
    asked, given = row.question, row.answer
    return HumanQuestion(
        dag_id=row.dag_id,
        dag_run_id=row.run_id,
        task_id=row.task_id,
        map_index=row.map_index,
        subject=asked.subject,
        body=asked.body,
        options=list(asked.options),
        defaults=None if asked.defaults is None else list(asked.defaults),
        multiple=asked.multiple,
        params=asked.form,
        assigned_users=list(asked.assignees),
        created_at=row.asked_at,
        response_received=given is not None,
        is_open=row.is_open,
        chosen_options=None if given is None else list(given.chosen_options),
        params_input=None if given is None else given.params_input,
        responded_by_user=None if given is None else HumanUser(id=row.answered_by, name=row.answered_by),
        responded_at=row.answered_at,
    )
