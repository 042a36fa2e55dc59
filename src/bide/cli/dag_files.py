"""Parsing DAG files without a server: in processes of their own, as the engine does it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from bide.cli.engine_log import log_to_file
from bide.cli.exit_codes import BadInput
from bide.cli.opening import has_store, open_or_make_store
from bide.config.resolved import Config
from bide.control.lookups import answer_lookup
from bide.control.register_file import taken_id
from bide.engine.parsing import ParsingService
from bide.engine.parsing.listing import Source
from bide.engine.parsing.lookups import AnswerLookup
from bide.engine.secrets import backend_of
from bide.engine.template import Template
from bide.model.dag_spec import DagSpec
from bide.model.errors import BideError, NotFound
from bide.observe.clock import SystemClock
from bide.store import Store
from bide.wire.lookups import ConnectionFound, GetConnection, Lookup, LookupReply, VariableFound
from bide.wire.messages import FileError, FileParsed, Refused

#: Import errors that are shown where a DAG is not found.
_SHOWN_ERRORS: Final = 3


async def parse_files(config: Config, path: Path | Source, *, slow: float | None = None) -> list[FileParsed]:
    """Parse `path`, a folder or a single file, and what they made, by path. Nothing is stored.

    With `slow`, seconds that a line at the top level may take, findings are asked for, too.
    """
    _require(path)
    log_to_file(config)
    found: dict[str, FileParsed] = {}

    async def keep(parsed: FileParsed, folder: str) -> None:
        found[parsed.path] = parsed

    async def forget(path: str) -> None:
        found.pop(path, None)

    async with command_template(config) as template, _lookups(config, template) as answer:
        parsing = ParsingService(
            template,
            [path],
            register=keep,
            forget=forget,
            clock=SystemClock(),
            processes=config.settings.parsing.processes,
            safe_mode=config.settings.core.dag_discovery_safe_mode,
            ignore_syntax=config.settings.core.dag_ignore_file_syntax,
            timeout=config.settings.parsing.timeout_sec,
            answer=answer,
            slow=slow,
        )
        await parsing.parse_all()
    return _without_duplicates([found[name] for name in sorted(found)])


def _without_duplicates(parsed: Sequence[FileParsed]) -> list[FileParsed]:
    """A DAG id belongs to the first file that makes it; for the others it is an error, as in the store."""
    owners: dict[str, str] = {}
    kept: list[FileParsed] = []
    for file in parsed:
        taken = [spec for spec in file.dags if owners.setdefault(spec.dag_id, spec.file) != spec.file]
        errors = tuple(taken_id(spec, owners[spec.dag_id]) for spec in taken)
        dags = tuple(spec for spec in file.dags if spec not in taken)
        kept.append(msgspec.structs.replace(file, dags=dags, errors=file.errors + errors))
    return kept


def source_at(path: Path, dags_folder: Path) -> Path | Source:
    """What to parse at `path`: a file in the folder of all DAGs imports what lies there, as in an engine."""
    whole, folder = path.absolute(), dags_folder.absolute()
    return Source(folder, whole) if whole.is_file() and whole.is_relative_to(folder) else path


def _require(path: Path | Source) -> None:
    place = path if isinstance(path, Path) else path.only or path.folder
    if not place.exists():
        raise BadInput(f"there is no file or folder {place}")


def find_dag(parsed: Sequence[FileParsed], dag_id: str, folder: Path) -> tuple[DagSpec, FileParsed]:
    """The DAG `dag_id` and the file that makes it.

    Raises BadInput if it is there but can't be used, else :class:`NotFound`, which names what else there is.
    """
    for file in parsed:
        for spec in file.dags:
            if spec.dag_id == dag_id:
                return spec, file
    for _, error in error_rows(parsed):
        if error.dag_id == dag_id:
            raise BadInput(error.message)
    known = sorted(spec.dag_id for file in parsed for spec in file.dags)
    found = f"there are: {', '.join(known)}" if known else "there are no DAGs at all"
    raise NotFound(f"no DAG {dag_id!r} in {folder}: {found}{_unread(parsed, dag_id)}")


def _unread(parsed: Sequence[FileParsed], dag_id: str) -> str:
    """What to say of files in which the DAG may be, but which can't be read."""
    errors = [one for one in error_rows(parsed) if one[1].dag_id is None]
    if not errors:
        return ""
    errors.sort(key=lambda one: dag_id not in Path(one[0]).stem)
    lines = [f"  {error.message}" for _, error in errors[:_SHOWN_ERRORS]]
    if len(errors) > _SHOWN_ERRORS:
        lines.append(f"  ... and {len(errors) - _SHOWN_ERRORS} more, see `bide dags errors`")
    return "\n".join(["; it may be in a file that can't be read:", *lines])


def error_rows(parsed: Sequence[FileParsed]) -> list[tuple[str, FileError]]:
    """Each error with its file."""
    return [(file.path, error) for file in parsed for error in file.errors]


@asynccontextmanager
async def _lookups(config: Config, template: Template) -> AsyncGenerator[AnswerLookup]:
    """Answers from the store, opened at the first question, what files look up; without one nothing is there."""
    async with AsyncExitStack() as opened:
        stores: list[Store] = []
        opening = asyncio.Lock()

        async def answer(body: Lookup) -> LookupReply | Refused:
            if not has_store(config) and not config.settings.secrets.backend:
                return ConnectionFound(None) if isinstance(body, GetConnection) else VariableFound(None)
            try:
                async with opening:
                    if not stores:
                        store = await opened.enter_async_context(open_or_make_store(config))
                        backend = backend_of(config, template, store, SystemClock())
                        if backend is not None:
                            opened.push_async_callback(backend.close)
                        stores.append(store)
            except BideError as error:
                return Refused(str(error))
            return await answer_lookup(stores[0], body)

        yield answer


@asynccontextmanager
async def command_template(config: Config) -> AsyncGenerator[Template]:
    """A template process of this command's own."""
    template = Template(
        # Not the store's: an engine that starts meanwhile must not take these processes for an old one's.
        store_id=f"cli-{os.getpid()}",
        environment=config.runner_environment(os.environ),
        output=config.home / "runners.log",
    )
    await template.start()
    try:
        yield template
    finally:
        await template.stop()
