"""Tells when files below the sources may have changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Final

import structlog
from watchfiles import Change, awatch  # pyright: ignore[reportUnknownVariableType]  # trio need not be there

from bide.engine.parsing.ignoring import IGNORE_FILES
from bide.engine.parsing.listing import Source, is_hidden

log = structlog.get_logger("bide.parsing")

#: Milliseconds: changes that come in such a distance are told together, the first one after at most the second.
_STEP: Final = 50
_DEBOUNCE: Final = 400
#: Seconds between looks at what is not watched: inputs in other places, folders that were replaced.
_SAFETY_POLL: Final = 10.0
#: Seconds between looks where nothing can be watched.
_POLL: Final = 1.0


async def changes(sources: Sequence[Source], *, force_polling: bool = False) -> AsyncGenerator[bool]:
    """Yield whenever files should be looked at; True if some were added, of whatever kind.

    Yields first when watching has begun: what changes after that is told. Never ends.
    """
    # It tells of every change, which the log of parses does too.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    roots = list(dict.fromkeys(source.folder for source in sources))
    recursive = any(source.only is None for source in sources)
    told = False
    while True:
        identities = await asyncio.to_thread(_identities, roots)
        if force_polling or None in identities:
            yield False
            await asyncio.sleep(_POLL)
            continue
        try:
            async for appeared in _watch(roots, recursive):
                yield appeared
                if await asyncio.to_thread(_identities, roots) != identities:
                    break
        except (OSError, RuntimeError) as error:
            if not told:
                log.warning("files_not_watched", error=str(error), looked_at_every=_POLL)
                told = True
            yield False
            await asyncio.sleep(_POLL)


async def _watch(roots: Sequence[Path], recursive: bool) -> AsyncGenerator[bool]:
    watcher = awatch(
        *roots,
        watch_filter=lambda _, path: _is_visible(path, roots),
        step=_STEP,
        debounce=_DEBOUNCE,
        rust_timeout=int(_SAFETY_POLL * 1000),
        yield_on_timeout=True,
        recursive=recursive,
    )
    following = asyncio.ensure_future(anext(watcher))
    try:
        # The first step of the generator sets up the watches; after that nothing is missed.
        await asyncio.sleep(0)
        yield False
        while True:
            found = await following
            following = asyncio.ensure_future(anext(watcher))
            yield any(change is Change.added for change, _ in found)
    finally:
        following.cancel()
        await asyncio.wait([following])
        await watcher.aclose()


def _is_visible(path: str, roots: Sequence[Path]) -> bool:
    inside = next((root for root in roots if Path(path).is_relative_to(root)), None)
    if inside is None:
        return True
    *folders, name = Path(path).relative_to(inside).parts or ("",)
    return not any(map(is_hidden, folders)) and (not is_hidden(name) or name in IGNORE_FILES)


def _identities(folders: Sequence[Path]) -> list[tuple[int, int] | None]:
    """Device and inode of each folder; None where there is none."""
    found: list[tuple[int, int] | None] = []
    for folder in folders:
        try:
            status = folder.stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_dev, status.st_ino))
    return found
