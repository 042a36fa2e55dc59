"""Reading the logs of tries, also while they are written."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from bide.model.errors import NotFound

#: Bytes read at once.
_BLOCK: Final = 64 * 1024


def locate(root: Path, relative: PurePosixPath) -> Path:
    """The file at `relative` (:func:`bide.model.log_path.log_path`) below `root`; it need not exist.

    Raises :class:`NotFound` if links lead out of `root`.
    """
    path = root / relative
    if not path.resolve().is_relative_to(root.resolve()):
        raise NotFound(f"log {path} lies outside of the folder of logs {root}")
    return path


def read_log(path: Path) -> str:
    """The whole text of a log; bytes that are no UTF-8 are replaced. :class:`NotFound` if there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise NotFound(f"there is no log {path}: this try has not written one, or it was removed") from None


def remove_logs(root: Path, files: Iterable[Path]) -> int:
    """Delete those of `files` that are there, and the folders below `root` that are empty then; how many went."""
    gone, folders = 0, set[Path]()
    for path in files:
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            continue
        gone += 1
        folders.add(path.parent)
    for folder in folders:
        while folder != root and folder.is_relative_to(root):
            try:
                folder.rmdir()
            except OSError:
                break  # other logs are in it
            folder = folder.parent
    return gone


def tail(path: Path, lines: int) -> list[str]:
    """The last `lines` lines of a log without reading all of it; empty if there is no file."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            data = b""
            while end > 0 and data.count(b"\n") <= lines:
                start = max(0, end - _BLOCK)
                file.seek(start)
                data = file.read(end - start) + data
                end = start
    except FileNotFoundError:
        return []
    return data.decode(errors="replace").splitlines()[-lines:]


async def follow(
    path: Path, is_over: Callable[[], Awaitable[bool]], pause: Callable[[], Awaitable[object]]
) -> AsyncIterator[str]:
    """Yield what is in the log and what comes, until `is_over`.

    `is_over` is asked before each look, so that nothing written before the end is missed; `pause` is awaited
    between looks. A file that does not exist yet is waited for.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    offset = 0
    while True:
        over = await is_over()
        for block in _read_on(path, offset):
            offset += len(block)
            if text := decoder.decode(block):
                yield text
        if over:
            if rest := decoder.decode(b"", final=True):
                yield rest
            return
        await pause()


def _read_on(path: Path, offset: int) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            while block := file.read(_BLOCK):
                yield block
    except FileNotFoundError:
        return
