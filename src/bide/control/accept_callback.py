"""Somebody outside has called a callback URL."""

from __future__ import annotations

from typing import Literal

from bide.control.mint_callback import hash_of
from bide.control.outcomes import write_outcome
from bide.control.send_signal import Taken, deliver
from bide.model.errors import Gone, NotFound
from bide.model.states import FINISHED
from bide.store import Store, Tx, instances, signals
from bide.wire.messages import Outcome

#: ``repeated``: this URL has had its call, and nothing was changed.
Accepted = Taken | Literal["repeated"]


async def accept_callback(store: Store, token: str, payload: bytes) -> Accepted:
    """Take an encoded `payload` as the event of the URL with `token`; durable on return.

    The first call counts. Raises :class:`NotFound` for a token that nobody was given, or whose task was cleared,
    and :class:`Gone` for one whose time, or whose task, is over.
    """

    def work(tx: Tx) -> Accepted:
        found = signals.find(tx, hash_of(token))
        if found is None:
            raise NotFound("there is no such callback URL")
        # The wait for it may be armed at this moment: one of both has to see the other.
        instance = instances.lock(tx, found.instance_uid)
        found = signals.find(tx, hash_of(token))
        if instance is None or found is None:
            raise NotFound("there is no such callback URL")
        if found.received_at is not None:
            return "repeated"
        if instance.state in FINISHED:
            raise Gone(f"the task of this callback URL has ended: it is {instance.state}")
        if found.expires_at <= tx.now:
            raise Gone("this callback URL has expired")
        outcome = Outcome("event", payload)
        taken = deliver(tx, instance, found.name, outcome)
        signals.receive(tx, found.uid, b"" if taken else write_outcome(outcome), consumed=taken)
        return "resumed" if taken else "stored"

    return await store.write(work)
