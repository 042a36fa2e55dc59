"""Callback URLs of runs in tests. They lead nowhere; a test calls them with :func:`call_back`."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from bide.control.accept_callback import Accepted, accept_callback
from bide.control.mint_callback import PATH
from bide.control.send_signal import LONGEST
from bide.model.errors import InvalidArgument, NotFound
from bide.model.values import encode
from bide.store import Store

#: No name below it is ever found (RFC 6761), so that nothing that a test forgets is sent to somebody.
_DOMAIN: Final = "callbacks.invalid"


class Callbacks:
    """The callback URLs of one run."""

    _of_runs: Final[dict[str, Callbacks]] = {}
    _numbers: Final = itertools.count(1)

    def __init__(self, store: Store) -> None:
        """To be made on the event loop of the run's engine."""
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._host = f"run-{next(self._numbers)}.{_DOMAIN}"

    async def address(self) -> str:
        """Where they seem to lead."""
        return f"http://{self._host}"

    @contextmanager
    def served(self) -> Generator[None]:
        """Take calls inside."""
        self._of_runs[self._host] = self
        try:
            yield
        finally:
            del self._of_runs[self._host]

    @classmethod
    def of(cls, host: str | None) -> Callbacks | None:
        """Those of the run whose URLs name `host`, if it goes on."""
        return None if host is None else cls._of_runs.get(host)

    def take(self, token: str, payload: bytes) -> Accepted:
        """Take a call in another thread than the engine's."""
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop:
            raise InvalidArgument(
                "call_back() would hold up the event loop of the triggers: "
                "say  await asyncio.to_thread(call_back, url, body)"
            )
        return asyncio.run_coroutine_threadsafe(accept_callback(self._store, token, payload), self._loop).result()


def call_back(url: str, body: Any = None) -> Accepted:
    """Do what a service does that was given a callback URL: POST `body` there as JSON. For stand-ins of services.

    The answer says what came of it: ``"resumed"`` a task that waits, ``"stored"`` for one that does not wait yet,
    ``"repeated"`` and without effect. Raises what the API answers by a status: :class:`NotFound` (404), ``Gone``
    (410), :class:`InvalidArgument` for a body that is no JSON (400) or too long (413).
    """
    parts = urlsplit(url)
    callbacks = Callbacks.of(parts.hostname)
    if callbacks is None or not parts.path.startswith(PATH):
        raise NotFound("call_back(): no run that goes on in this process has given this URL by callback_url()")
    try:
        text = json.dumps(body, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"call_back(): the body must be JSON: {error}") from error
    if len(text.encode()) > LONGEST:
        raise InvalidArgument(f"call_back(): the body may have {LONGEST // 1024} KiB")
    return callbacks.take(parts.path.removeprefix(PATH), encode(json.loads(text), what="the body"))
