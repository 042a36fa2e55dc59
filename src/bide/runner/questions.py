"""What code in a trigger runner asks the engine, from a thread or in the middle of a coroutine."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Final

from bide.authoring.runtime import InstanceRecord, InstancesAsked, NoRuntime, RunRecord, RunsAsked, XComRecord
from bide.model.clock import Clock
from bide.model.errors import ProtocolError, TaskError
from bide.observe.log import current_sink
from bide.runner.other_runs import instances_found, runs_found
from bide.runner.prefetching import KeptAnswers
from bide.runner.runtimes import ProcessRuntime, read_xcom
from bide.wire.async_channel import AsyncChannel
from bide.wire.lookups import LOOKUPS, Lookup
from bide.wire.messages import AnyMessage, Frame, PullXCom, Refused, TriggerLoad, XComs

#: Asks on behalf of an instance (its id) under an epoch, and waits for the answer.
Ask = Callable[[AnyMessage, str, int], AnyMessage]

#: Seconds for which a question in the middle of a coroutine may hold up the loop.
_LIMIT: Final = 1.0


class Questions:
    """Questions over the loop's channel, each with a number of its own. Lives in the event loop."""

    def __init__(self, channel: AsyncChannel, clock: Clock) -> None:
        self._channel = channel
        #: What can be answered at once, in the middle of a coroutine.
        self.kept = KeptAnswers(lambda body: self.ask(body, "", -1), clock)
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._open: dict[int, asyncio.Future[AnyMessage]] = {}
        self._numbers = itertools.count(1)

    async def ask(self, body: AnyMessage, instance: str, epoch: int) -> AnyMessage:
        """Ask on behalf of an instance; to be awaited in the loop."""
        number = next(self._numbers)
        reply: asyncio.Future[AnyMessage] = self._loop.create_future()
        self._open[number] = reply
        try:
            self._channel.send_question(body, request=number, instance=instance, epoch=epoch)
            return await reply
        finally:
            del self._open[number]

    def ask_now(self, body: AnyMessage, instance: str, epoch: int) -> AnyMessage:
        """Ask and wait for the answer, from any thread.

        In the loop's own thread nothing else runs meanwhile, so that the answer has to come soon:
        :class:`TimeoutError` if it does not.
        """
        if threading.get_ident() != self._thread_id:
            return asyncio.run_coroutine_threadsafe(self.ask(body, instance, epoch), self._loop).result()
        if isinstance(body, LOOKUPS) and (known := self.kept.get(body)) is not None:
            return known
        try:
            answer = self._channel.exchange(
                body, request=next(self._numbers), instance=instance, epoch=epoch, timeout=_LIMIT
            )
            if isinstance(body, LOOKUPS):
                self.kept.keep(body, answer)
            return answer
        except TimeoutError:
            raise TimeoutError(
                f"the engine did not answer within {_LIMIT:g} s. In a coroutine, await the async way to ask "
                "instead, such as async_xcom_pull() or aget_connection(): it may take long and holds up nobody"
            ) from None

    def take_reply(self, frame: Frame) -> None:
        """The answer to a question has come; one that nobody waits for any more is dropped."""
        question = self._open.get(frame.request)
        if question is not None and not question.done():
            question.set_result(frame.body)


class TriggerRuntime(ProcessRuntime):
    """In the trigger runner: what triggers may ask. On whose behalf is told by the log that the code writes to."""

    def __init__(self, clock: Clock, ask: Ask | None = None) -> None:
        """`ask` may be set later, when there is something to ask."""
        super().__init__(clock)
        self.ask = ask

    def pull_xcoms(
        self,
        task_ids: Sequence[str],
        key: str | None,
        *,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_indexes: Sequence[int] | None = None,
        include_prior_dates: bool = False,
    ) -> list[XComRecord]:
        """Stored values, by task id in the order asked, then by map index."""
        question = PullXCom(
            task_ids=tuple(task_ids),
            key=key,
            dag_id=dag_id,
            run_id=run_id,
            map_indexes=None if map_indexes is None else tuple(map_indexes),
            include_prior_dates=include_prior_dates,
        )
        reply = self._ask(question, f"XCom {key!r} can't be pulled")
        if not isinstance(reply, XComs):
            raise ProtocolError(f"XCom {key!r} can't be pulled: the engine answered with {type(reply).__name__}")
        load = _asking()
        own = ("", "") if load is None else (load.instance.dag_id, load.instance.run_id)
        return [
            XComRecord(value.task_id, value.map_index, read_xcom(value, dag_id or own[0], run_id or own[1]))
            for value in reply.values
        ]

    def find_runs(self, asked: RunsAsked) -> list[RunRecord]:
        """The newest runs that fit, the newest first."""
        return runs_found(self, asked)

    def find_instances(self, runs: RunsAsked, asked: InstancesAsked) -> list[InstanceRecord]:
        """The task instances that fit in those runs, the newest run first."""
        return instances_found(self, runs, asked)

    def request(self, body: AnyMessage) -> AnyMessage:
        """Ask on behalf of the trigger that runs in this context, and wait for the answer."""
        return self._ask(body, "runs can't be looked at")

    def _look_up(self, body: Lookup) -> AnyMessage | None:
        if self.ask is None:
            return None
        load = _asking()
        # An import asks on behalf of nobody.
        return self.ask(body, *(("", -1) if load is None else (load.instance.id, load.epoch)))

    def _ask(self, body: AnyMessage, problem: str) -> AnyMessage:
        load = _asking()
        if load is None or self.ask is None:
            raise NoRuntime(f"{problem} here: no trigger is running in this context")
        reply = self.ask(body, load.instance.id, load.epoch)
        if isinstance(reply, Refused):
            raise TaskError(f"{problem}: {reply.reason}")
        return reply


def _asking() -> TriggerLoad | None:
    """The trigger whose code runs in this context."""
    load: object = getattr(current_sink(), "load", None)
    return load if isinstance(load, TriggerLoad) else None
