"""A running task wants a URL by which somebody outside can tell it something."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from bide.model.errors import ConfigError, Fenced
from bide.model.ids import check_signal_name
from bide.model.states import TaskState
from bide.store import Store, Tx, instances, signals

#: Path of all callbacks, in front of the token.
PATH: Final = "/callbacks/"
#: How long a URL is good for that no wait with a deadline is armed for.
GOOD_FOR: Final = timedelta(days=30)
#: Bytes of chance in a token.
_TOKEN_BYTES: Final = 32

#: Where people outside reach the API: a URL without a slash at its end. Raises ConfigError if nobody knows.
CallbackAddress = Callable[[], Awaitable[str]]


async def no_address() -> str:
    """The address of an engine that serves no API, and was not told of one."""
    raise ConfigError(
        "callback_url(): nobody knows where callbacks arrive, since no API runs in this process: "
        "set [api] base_url to the URL of the API server"
    )


async def mint_callback(store: Store, instance_id: str, epoch: int, name: str) -> str:
    """The token of a new callback URL that sends the signal `name`; the store keeps only its hash.

    Raises :class:`Fenced` if the instance has moved on, and :class:`InvalidArgument` for a wrong name.
    """
    check_signal_name(name)
    token = secrets.token_urlsafe(_TOKEN_BYTES)

    def work(tx: Tx) -> None:
        row = instances.lock(tx, instance_id)
        if row is None or row.epoch != epoch or row.state is not TaskState.RUNNING:
            raise Fenced(f"the task instance has moved on from epoch {epoch}")
        signals.insert(tx, instance_id, name, expires_at=tx.now + GOOD_FOR, token_hash=hash_of(token))

    await store.write(work)
    return token


def hash_of(token: str) -> str:
    """What the store knows a token by: it is random and long, so that a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
