"""Asks the backend of secrets that the settings name, in a process of its own that is kept for that."""

from __future__ import annotations

import asyncio
import itertools
import os
from typing import Final

import structlog

from bide.config.resolved import Config
from bide.control.lookups import use_backend
from bide.engine.template import Runner, Template, TemplateUnavailable
from bide.model.clock import Clock
from bide.model.errors import ProtocolError
from bide.store import Store
from bide.wire.frames import ChannelClosed
from bide.wire.lookups import ConnectionFound, Lookup, LookupReply, VariableFound
from bide.wire.messages import AnyMessage, Ok, Refused
from bide.wire.secrets_messages import OpenBackend

log = structlog.get_logger("bide.secrets")

#: Numbers the processes, so that labels are unique.
_numbers: Final = itertools.count(1)
#: Seconds that a process gets to exit.
_EXIT_PATIENCE: Final = 1.0
#: Answers that are kept; the oldest go first.
_MOST: Final = 10_000


class SecretsBackend:
    """Answers lookups by a backend; None for what it does not have.

    `ttl` and `timeout` are in seconds: how long an answer is good, and how long one may take. A process that takes
    longer is killed, and the next question begins another one.
    """

    def __init__(
        self, template: Template, classpath: str, kwargs: bytes, clock: Clock, *, ttl: float, timeout: float
    ) -> None:
        self._template = template
        self._order = OpenBackend(classpath, kwargs)
        self._clock = clock
        self._ttl = ttl
        self._timeout = timeout
        self._runner: Runner | None = None
        self._turn = asyncio.Lock()
        self._kept: dict[Lookup, tuple[LookupReply, float]] = {}
        self._asking: dict[Lookup, asyncio.Task[LookupReply | Refused]] = {}

    async def ask(self, body: Lookup) -> LookupReply | Refused:
        """What the backend has; Refused with what it has raised. Equal questions at a time are asked once."""
        kept = self._kept.get(body)
        if kept is not None and self._clock.monotonic() < kept[1]:
            return kept[0]
        task = self._asking.get(body)
        if task is None:
            task = self._asking[body] = asyncio.create_task(self._ask(body))
            task.add_done_callback(lambda _: self._asking.pop(body, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End its process."""
        for task in list(self._asking.values()):
            task.cancel()
        await self._end(_EXIT_PATIENCE)

    async def _ask(self, body: Lookup) -> LookupReply | Refused:
        async with self._turn:
            try:
                async with asyncio.timeout(self._timeout):
                    answer = await self._exchange(body)
            except TimeoutError:
                answer = Refused(f"it did not answer within {self._timeout:g} s")
                await self._end(0.0)
            except (ChannelClosed, ProtocolError) as error:
                answer = Refused(f"its process ended: {error}")
                await self._end(0.0)
            except TemplateUnavailable as error:
                answer = Refused(str(error))
        if isinstance(answer, Refused):
            problem = Refused(f"the secrets backend {self._order.classpath} failed: {answer.reason}")
            log.error("secrets_backend_failed", question=str(body), error=answer.reason)
            return problem
        assert isinstance(answer, ConnectionFound | VariableFound)
        while len(self._kept) >= _MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[body] = answer, self._clock.monotonic() + self._ttl
        return answer

    async def _exchange(self, body: Lookup) -> AnyMessage:
        if self._runner is None:
            label = f"secrets-{os.getpid()}-{next(_numbers)}"
            self._runner = await self._template.fork("secrets", label)
            opened = await self._say(self._runner, self._order)
            if not isinstance(opened, Ok):
                await self._end(0.0)
                return opened
        return await self._say(self._runner, body)

    async def _say(self, runner: Runner, body: AnyMessage) -> AnyMessage:
        runner.channel.send(body)
        return (await runner.channel.receive()).body

    async def _end(self, patience: float) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.channel.close()
            await runner.end(patience)


def backend_of(config: Config, template: Template, store: Store, clock: Clock) -> SecretsBackend | None:
    """The backend that the settings name, from now on asked before `store`; None if they name none."""
    settings = config.settings.secrets
    if not settings.backend:
        return None
    backend = SecretsBackend(
        template,
        settings.backend,
        (settings.backend_kwargs or "{}").encode(),
        clock,
        ttl=settings.cache_ttl_sec,
        timeout=settings.timeout_sec,
    )
    use_backend(store, backend.ask)
    return backend
