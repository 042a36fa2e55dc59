"""A person answers what a task asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bide.control.send_signal import deliver
from bide.model.errors import Conflict, NotFound
from bide.model.questions import SIGNAL, Answer, check_answer, check_assigned
from bide.model.values import encode
from bide.store import Store, Tx, instances, questions, sessions
from bide.wire.messages import Outcome


async def answer_question(
    store: Store, instance_id: str, *, chosen: Sequence[str], given: Mapping[str, Any], by: str
) -> Answer:
    """Let the task go on with this answer; durable on return.

    Raises :class:`NotFound` if it asks nothing, :class:`Conflict` if it does not wait for an answer any more or
    `by` was not asked, and :class:`InvalidArgument` for what is no answer.
    """

    def work(tx: Tx) -> Answer:
        # Two may answer at the same time: the first counts.
        instance = instances.lock(tx, instance_id)
        found = None if instance is None else questions.find(tx, instance_id)
        if instance is None or found is None:
            raise NotFound("this task has asked nothing")
        task = f"{instance.dag_id}.{instance.task_id} of run {instance.run_id!r}"
        if not found.is_open:
            who = f"{found.answered_by} has answered" if found.answer is not None else "its time is over"
            raise Conflict(f"{task} waits for no answer any more: {who}")
        check_assigned(found.question, by)
        checked = check_answer(found.question, chosen, given)
        payload = {
            "chosen_options": list(checked.chosen_options),
            "params_input": checked.params_input,
            "responded_by_user": {"id": by, "name": by},
            "responded_at": tx.now.isoformat(),
        }
        questions.answer(tx, instance_id, checked, by)
        if not deliver(tx, instance, SIGNAL, Outcome("event", encode(payload, what="answer"))):
            raise Conflict(f"{task} waits for no answer any more")
        sessions.audit(
            tx,
            "answer",
            owner=by,
            dag_id=instance.dag_id,
            run_id=instance.run_id,
            task_id=instance.task_id,
            extra=", ".join(checked.chosen_options),
        )
        return checked

    return await store.write(work)
