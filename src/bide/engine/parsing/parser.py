"""Parses a DAG file in a process of its own."""

from __future__ import annotations

import asyncio
import itertools
import os
from typing import Final

from bide.engine.parsing.listing import stamp
from bide.engine.parsing.lookups import AnswerLookup, Looked, fingerprint_of, nobody
from bide.engine.template import Runner, Template
from bide.model.clock import Clock
from bide.model.errors import ProtocolError
from bide.wire.frames import ChannelClosed
from bide.wire.lookups import LOOKUPS
from bide.wire.messages import FileError, FileParsed, ParseFile

#: Numbers the parsers of this process, so that labels are unique whoever forks them.
_numbers: Final = itertools.count(1)
#: Seconds that a parser gets to exit after its answer.
_EXIT_PATIENCE: Final = 1.0


class FileParser:
    """Forks a parser for each file, at most `processes` at once; one that takes `timeout` seconds is killed.

    With `slow` findings are asked for, too (:class:`~bide.wire.parser_messages.ParseFile`).
    """

    def __init__(
        self,
        template: Template,
        *,
        clock: Clock,
        processes: int = 2,
        timeout: float = 30.0,
        answer: AnswerLookup = nobody,
        slow: float | None = None,
    ) -> None:
        """`answer` is asked for what files look up at their top level."""
        self._template = template
        self._look_up = answer
        self._clock = clock
        self._places = asyncio.Semaphore(processes)
        self._timeout = timeout
        self._slow = slow

    async def parse(self, path: str, folder: str, looked: Looked | None = None) -> FileParsed:
        """Import `path` with `folder` on ``sys.path``. What goes wrong in the file is in the answer's errors.

        What it looks up is put into `looked`.

        Raises :class:`~bide.engine.template.TemplateUnavailable` if no process can be had.
        """
        async with self._places:
            while True:
                before = await asyncio.to_thread(stamp, path)
                began = self._clock.monotonic()
                found: Looked = {}
                answer = await self._parse_once(path, folder, found)
                if looked is not None:
                    looked.update(found)
                if isinstance(answer, FileParsed):
                    return answer
                if answer is not None:
                    inputs = {} if before is None else {path: before}
                    error = FileError(f"{path}: {answer}")
                    return FileParsed(path, (), (error,), inputs, self._clock.monotonic() - began)

    async def _parse_once(self, path: str, folder: str, looked: Looked) -> FileParsed | str | None:
        """The parser's answer, or why there is none; None if that is not the file's fault."""
        runner = await self._template.fork("parse", f"parse-{os.getpid()}-{next(_numbers)}")
        answer: FileParsed | str | None = None
        try:
            answer = await self._ask(runner, path, folder, looked)
        finally:
            runner.channel.close()
            await runner.end(_EXIT_PATIENCE if isinstance(answer, FileParsed) else 0.0)
        return answer

    async def _ask(self, runner: Runner, path: str, folder: str, looked: Looked) -> FileParsed | str | None:
        try:
            async with asyncio.timeout(self._timeout):
                runner.channel.send(ParseFile(path, folder, self._slow))
                while isinstance(body := (frame := await runner.channel.receive()).body, LOOKUPS):
                    reply = await self._look_up(body)
                    looked[body] = fingerprint_of(reply)
                    runner.channel.send(reply, request=frame.request)
        except TimeoutError:
            return (
                f"took longer than {self._timeout:g} s to import and was stopped; move work (queries, requests, "
                "sleeps) from its top level into tasks, or raise the setting parsing.timeout_sec"
            )
        except ProtocolError as error:
            return f"the process that imports it wrote something that can't be read to its channel: {error}"
        except ChannelClosed:
            # It may have closed the channel and live on.
            how = await runner.end(_EXIT_PATIENCE)
            return None if how.with_template else f"the process that imports it {how}"
        if not isinstance(body, FileParsed):
            return f"the process that imports it answered with a {type(body).__name__}"
        return body
