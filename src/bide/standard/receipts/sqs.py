"""Messages of SQS that are deleted when their event is stored."""

from __future__ import annotations

import logging
from typing import Any, Final

from bide.authoring.trigger import BaseTrigger, TriggerEvent
from bide.standard.receipts import Receipts

_log = logging.getLogger("bide.runner")

#: Messages that SQS deletes at once.
_AT_ONCE: Final = 10


def receipts_of(trigger: BaseTrigger) -> Receipts | None:
    """For an ``SqsSensorTrigger``, which leaves the messages to this from now on."""
    sqs: Any = trigger
    if not sqs.delete_message_on_reception:
        return None
    sqs.delete_message_on_reception = False
    return SqsReceipts(sqs)


class SqsReceipts(Receipts):
    """Of the messages in one event, which has all that deleting them takes."""

    def __init__(self, trigger: Any) -> None:
        self._trigger = trigger

    def key(self, event: TriggerEvent) -> str | None:
        return ",".join(sorted(str(message["MessageId"]) for message in _messages(event))) or None

    async def acknowledge(self, event: TriggerEvent) -> None:
        trigger = self._trigger
        async with await trigger.hook.get_async_conn() as client:
            received = _messages(event)
            for start in range(0, len(received), _AT_ONCE):
                messages = received[start : start + _AT_ONCE]
                entries = [
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ]
                answer = await client.delete_message_batch(QueueUrl=trigger.sqs_queue, Entries=entries)
                for failed in answer.get("Failed", ()):
                    message = messages[int(failed["Id"])]["MessageId"]
                    _log.warning("Message %s was not deleted and comes again: %s", message, failed.get("Message"))


def _messages(event: TriggerEvent) -> list[dict[str, Any]]:
    payload: Any = event.payload
    return payload.get("message_batch") or []
