"""What triggers look up in the middle of a coroutine, asked before they are built.

A plain ``BaseHook.get_connection()`` in a coroutine holds up the loop until the answer is there. Which connections
a trigger needs stands in its arguments as a rule (``conn_id``, ``aws_conn_id``, ...): these are asked for while
nobody waits, and the plain call finds them here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

from bide.model.clock import Clock
from bide.model.errors import BideError
from bide.model.values import decode
from bide.wire.lookups import GetConnection, Lookup
from bide.wire.messages import AnyMessage, Refused, TriggerLoad

_log = logging.getLogger("bide.runner")

#: Seconds for which an answer is good; an older one is given once more, and asked for again beside.
_FRESH: Final = 30.0
#: Seconds for which triggers wait for what they are likely to ask. Backends of secrets may be slow, or down.
_PATIENCE: Final = 5.0
#: Answers that are kept; the oldest go first.
_MOST: Final = 10_000
#: What names of arguments end with whose value is the id of a connection.
_SUFFIX: Final = "conn_id"


class KeptAnswers:
    """Answers to lookups, for those who can't wait. Lives in the event loop."""

    def __init__(self, ask: Callable[[Lookup], Awaitable[AnyMessage]], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._answers: dict[Lookup, tuple[AnyMessage, float]] = {}
        self._asking: dict[Lookup, asyncio.Task[None]] = {}

    def keep(self, body: Lookup, answer: AnyMessage) -> None:
        """Have `answer` for the next one who asks; a refusal is not kept."""
        self._answers.pop(body, None)
        if isinstance(answer, Refused):
            return
        while len(self._answers) >= _MOST:
            del self._answers[next(iter(self._answers))]
        self._answers[body] = answer, self._clock.monotonic()

    def get(self, body: Lookup) -> AnyMessage | None:
        """The answer, if it was asked before; to be called in the loop's thread."""
        found = self._answers.get(body)
        if found is None:
            return None
        if self._clock.monotonic() - found[1] > _FRESH:
            self._begin(body)
        return found[0]

    async def fetch(self, loads: Iterable[TriggerLoad]) -> None:
        """Ask for the connections that these triggers name, as far as they are not known."""
        wanted = {GetConnection(conn_id) for load in loads for conn_id in named_connections(load.kwargs)}
        tasks = [self._begin(body) for body in wanted if body not in self._answers]
        if tasks:
            await asyncio.wait(tasks, timeout=_PATIENCE)

    def _begin(self, body: Lookup) -> asyncio.Task[None]:
        task = self._asking.get(body)
        if task is None:
            task = self._asking[body] = asyncio.create_task(self._fetch(body))
            task.add_done_callback(lambda _: self._asking.pop(body, None))
        return task

    async def _fetch(self, body: Lookup) -> None:
        try:
            self.keep(body, await self._ask(body))
        except BideError as error:
            _log.debug("%s was not answered: %s", body, error)


def named_connections(kwargs: bytes) -> list[str]:
    """The ids of connections in the arguments of a trigger."""
    if f'{_SUFFIX}"'.encode() not in kwargs:
        return []
    try:
        found = decode(kwargs)
    except BideError:
        return []  # whoever builds the trigger says what is wrong
    return list(_ids(found)) if isinstance(found, Mapping) else []


def _ids(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        for name, item in cast("Mapping[Any, Any]", value).items():
            if isinstance(name, str) and name.endswith(_SUFFIX) and isinstance(item, str) and item:
                yield item
            else:
                yield from _ids(item)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for item in cast("Sequence[Any]", value):
            yield from _ids(item)
