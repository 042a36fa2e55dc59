"""Asks code of authors and installed packages, in processes that live for some questions only.

A fresh process has the code as it is now, and none of the engine's secrets.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Final

import structlog

from bide.engine.template import Runner, Template, TemplateUnavailable
from bide.model.errors import ProtocolError
from bide.wire.frames import ChannelClosed
from bide.wire.messages import AskTimetable, TimetableAnswer

log = structlog.get_logger("bide.extensions")

#: Numbers the processes, so that labels are unique.
_numbers: Final = itertools.count(1)
#: Seconds that a process gets to exit after the last answer.
_EXIT_PATIENCE: Final = 1.0


class Extensions:
    """Forks an extension runner for each batch of questions; one that takes `timeout` seconds for one is killed."""

    def __init__(self, template: Template, timeout: float = 30.0) -> None:
        self._template = template
        self._timeout = timeout

    async def ask(
        self, questions: Sequence[AskTimetable]
    ) -> AsyncIterator[tuple[AskTimetable, TimetableAnswer | None]]:
        """Each question with its answer, as they come; None where there is no process to ask in."""
        left = deque(questions)
        while left:
            try:
                runner = await self._template.fork("extension", f"extension-{os.getpid()}-{next(_numbers)}")
            except TemplateUnavailable as error:
                log.error("no_extension_runner", error=str(error))
                for question in left:
                    yield question, None
                return
            is_well = True
            try:
                # One whose question kills or stops it takes no other with it: those go to the next process.
                while left and is_well:
                    answer, is_well = await self._ask_one(runner, left[0])
                    yield left.popleft(), answer
            finally:
                runner.channel.close()
                await runner.end(_EXIT_PATIENCE if is_well else 0.0)

    async def _ask_one(self, runner: Runner, question: AskTimetable) -> tuple[TimetableAnswer | None, bool]:
        """The answer, and whether the process can be asked more."""
        try:
            async with asyncio.timeout(self._timeout):
                runner.channel.send(question)
                body = (await runner.channel.receive()).body
        except TimeoutError:
            return TimetableAnswer(error=f"it took longer than {self._timeout:g} s and was stopped"), False
        except ProtocolError as error:
            return TimetableAnswer(error=f"its process wrote something that can't be read: {error}"), False
        except ChannelClosed:
            how = await runner.end(_EXIT_PATIENCE)
            return (None if how.with_template else TimetableAnswer(error=f"its process {how}")), False
        if not isinstance(body, TimetableAnswer):
            return TimetableAnswer(error=f"its process answered with a {type(body).__name__}"), False
        return body, True
