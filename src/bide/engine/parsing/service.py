"""Keeps what the store knows of DAG files in step with the files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from bide.engine.parsing.decide import Known, decide
from bide.engine.parsing.ignoring import IgnoreSyntax
from bide.engine.parsing.listing import Listed, Lister, Source, Stamp, stamp
from bide.engine.parsing.lookups import AnswerLookup, Looked, StoreLookups, nobody
from bide.engine.parsing.pace import Pace
from bide.engine.parsing.parser import FileParser
from bide.engine.parsing.watching import changes
from bide.engine.template import Template, TemplateUnavailable
from bide.model.clock import Clock
from bide.model.errors import StoreUnavailable
from bide.wire.messages import FileParsed

log = structlog.get_logger("bide.parsing")

#: Stores a parse, made with this folder on ``sys.path``.
Register = Callable[[FileParsed, str], Awaitable[None]]
#: Forgets a file that is gone.
Forget = Callable[[str], Awaitable[None]]

#: Seconds before something is tried again that the store, or the template process, could not take.
_PAUSE: Final = 1.0


class ParsingService:
    """Parses the DAG files of `paths` that are new or have changed, and hands each parse to `register`.

    `paths` are folders and single files. `stored` are files that the store knows from earlier; `forget` gets those
    that are gone. A file counts as changed when anything that its import read has (:attr:`FileParsed.inputs`).
    `timeout` and `slow` are in seconds; see :class:`~bide.engine.parsing.parser.FileParser`.
    """

    def __init__(
        self,
        template: Template,
        paths: Sequence[Path | Source],
        *,
        register: Register,
        forget: Forget,
        clock: Clock,
        processes: int = 2,
        timeout: float = 30.0,
        stored: Collection[str] = (),
        safe_mode: bool = True,
        ignore_syntax: IgnoreSyntax = "glob",
        slow: float | None = None,
        force_polling: bool = False,
        lookups: StoreLookups | None = None,
        answer: AnswerLookup = nobody,
    ) -> None:
        """`lookups` answers what files look up, and tells when that changes; without it `answer` does the first."""
        answer = answer if lookups is None else lookups.answer
        self._parser = FileParser(
            template, clock=clock, processes=processes, timeout=timeout, answer=answer, slow=slow
        )
        self._lookups = lookups
        #: What each file has looked up at its top level.
        self._looked: dict[str, Looked] = {}
        self._watching: asyncio.Task[None] | None = None
        self._paths = tuple(paths)
        self._sources: list[Source] = []
        self._register = register
        self._forget = forget
        self._clock = clock
        self._stored = set(stored)
        self._force_polling = force_polling
        self._lister = Lister(safe_mode=safe_mode, ignore_syntax=ignore_syntax)
        self._python_files: set[str] = set()
        #: The DAG files among them.
        self._listed: dict[str, Listed] = {}
        self._known: dict[str, Known] = {}
        self._paces: dict[str, Pace] = {}
        self._parsing: dict[str, asyncio.Task[None]] = {}
        self._following: asyncio.Task[None] | None = None
        #: Set once every file that was there at the start has been parsed and registered.
        self.first_pass = asyncio.Event()

    async def start(self) -> None:
        """Begin to keep up with the files; returns at once."""
        self._following = asyncio.create_task(self._follow(), name="parsing")
        if self._lookups is not None:
            self._watching = asyncio.create_task(self._watch_lookups(self._lookups), name="parsing-lookups")

    async def stop(self) -> None:
        """Stop; parses under way are given up."""
        running = (self._following, self._watching, *self._parsing.values())
        tasks = [task for task in running if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._lookups is not None:
            self._lookups.close()

    async def parse_once(self, path: Path, folder: Path | None = None) -> FileParsed:
        """Parse one file without registering it; `folder` (else the file's own) is on ``sys.path`` meanwhile."""
        whole, place = await asyncio.to_thread(lambda: (path.absolute(), (folder or path.parent).absolute()))
        return await self._parser.parse(str(whole), str(place))

    async def parse_all(self) -> None:
        """Parse and register every file that is new or has changed, and return."""
        await self._find_sources()
        await self._look(appeared=True)
        while self._parsing:
            await asyncio.wait(list(self._parsing.values()))

    async def _find_sources(self) -> None:
        self._sources = await asyncio.to_thread(
            lambda: [path if isinstance(path, Source) else Source.of(path) for path in self._paths]
        )

    async def _follow(self) -> None:
        await self._find_sources()
        while True:
            try:
                async for appeared in changes(self._sources, force_polling=self._force_polling):
                    await self._look(appeared)
                    if not self.first_pass.is_set():
                        self._tell_when_done(set(self._parsing))
            except Exception:
                # Files that can't be followed now may be later; the engine goes on with what it knows.
                log.exception("parsing_failed")
                await asyncio.sleep(_PAUSE)

    def _tell_when_done(self, paths: set[str]) -> None:
        """Set :attr:`first_pass` once the parses of `paths`, which are under way, are done."""
        left = set(paths)

        def done(path: str) -> None:
            left.discard(path)
            if not left:
                self.first_pass.set()

        for path in paths:
            self._parsing[path].add_done_callback(lambda _, path=path: done(path))
        if not paths:
            self.first_pass.set()

    async def _look(self, appeared: bool) -> None:
        """List the files, begin to parse what has changed, forget what is gone."""
        known = dict(self._known)
        listed, seen = await asyncio.to_thread(self._see, known)
        new_files = appeared or bool(listed.keys() - self._python_files)
        self._python_files = set(listed)
        self._listed = {path: one for path, one in listed.items() if one.is_dag_file}
        decision = decide(known, self._listed, seen, appeared=new_files)
        for path in decision.to_parse:
            self._begin(path)
        for path in (*decision.removed, *await asyncio.to_thread(self._gone_since_earlier)):
            await self._drop(path)

    def _see(self, known: Mapping[str, Known]) -> tuple[dict[str, Listed], dict[str, Stamp | None]]:
        """In a thread: what is there."""
        names = {name for one in known.values() for name in one.inputs}
        return self._lister.list(self._sources), _stamps(names)

    def _gone_since_earlier(self) -> list[str]:
        """In a thread, at the first look: files of earlier engines that are not there any more."""
        stored = list(self._stored)
        self._stored.clear()
        folders = [source.folder for source in self._sources if source.only is None]
        gone = [path for path in stored if path not in self._listed]
        return sorted(
            one for one in gone if stamp(one) is None or any(Path(one).is_relative_to(root) for root in folders)
        )

    async def _watch_lookups(self, lookups: StoreLookups) -> None:
        """Parse files again for which a variable or connection is not what it was."""
        while True:
            await lookups.changed()
            for path, looked in list(self._looked.items()):
                try:
                    differs = await lookups.differs(looked)
                except StoreUnavailable as error:
                    log.warning("store_unavailable", error=str(error))
                    continue
                if differs and path in self._listed:
                    log.info("lookups_changed", path=path)
                    self._begin(path)

    def _begin(self, path: str) -> None:
        if path not in self._parsing:
            task = asyncio.create_task(self._keep_up(path), name=f"parse {path}")
            self._parsing[path] = task
            task.add_done_callback(lambda _, path=path: self._parsing.pop(path))

    async def _keep_up(self, path: str) -> None:
        """Parse `path`, and again as long as something that it read has changed meanwhile."""
        try:
            while await self._parse(path):
                continue
        except Exception:
            # A bug here must not stop the other files; this one is looked at again when it changes.
            log.exception("parse_failed", path=path)

    async def _parse(self, path: str) -> bool:
        """Parse and register; whether to do so again."""
        listed = self._listed.get(path)
        if listed is None:
            return False
        pace = self._paces.get(path, Pace())
        await asyncio.sleep(max(0.0, pace.ended + pace.pause - self._clock.monotonic()))
        before = await asyncio.to_thread(_stamps, {path, *self._known.get(path, Known({})).inputs})
        if before[path] is None:
            # Gone meanwhile: the next look at the folder forgets it.
            return False
        began = self._clock.monotonic()
        looked: Looked = {}
        try:
            parsed = await self._parser.parse(path, listed.folder, looked)
        except TemplateUnavailable as error:
            log.error("parse_postponed", path=path, error=str(error))
            await asyncio.sleep(_PAUSE)
            return True
        self._looked.pop(path, None)
        if looked:
            self._looked[path] = looked
        failed = any(error.dag_id is None for error in parsed.errors)
        # What a broken file would have read is not known: what it read last time may be what repairs it.
        inputs = {**before, **parsed.inputs} if failed else {path: before[path], **parsed.inputs}
        self._known[path] = Known(inputs, failed)
        self._paces[path] = pace.parsed(began, self._clock.monotonic())
        log.info("file_parsed", path=path, dags=len(parsed.dags), errors=len(parsed.errors))
        await self._insist(lambda: self._register(parsed, listed.folder))
        if path not in self._listed:
            await self._drop(path)
            return False
        if looked and self._lookups is not None and await self._lookups.differs(looked):
            return True
        return await asyncio.to_thread(_stamps, inputs) != inputs

    async def _drop(self, path: str) -> None:
        """`path` is gone."""
        self._known.pop(path, None)
        self._looked.pop(path, None)
        self._paces.pop(path, None)
        await self._insist(lambda: self._forget(path))
        log.info("file_removed", path=path)

    async def _insist(self, command: Callable[[], Awaitable[None]]) -> None:
        """Do this until the store can take it."""
        while True:
            try:
                await command()
                return
            except StoreUnavailable as error:
                log.warning("store_unavailable", error=str(error), retry_in=_PAUSE)
                await asyncio.sleep(_PAUSE)


def _stamps(paths: Iterable[str]) -> dict[str, Stamp | None]:
    return {path: stamp(path) for path in paths}
