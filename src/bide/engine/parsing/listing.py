"""Finds DAG files, and looks at files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

#: (mtime in ns, size) of a file, as in :attr:`FileParsed.inputs`.
Stamp = tuple[int, int]


class Source(NamedTuple):
    """A folder with DAG files, or a single one. Paths are absolute."""

    #: On ``sys.path`` while its files are imported.
    folder: Path
    #: The only DAG file, or None: all below the folder.
    only: Path | None = None

    @classmethod
    def of(cls, path: Path) -> Source:
        """The source that a person means by `path`, which need not exist (yet)."""
        path = path.absolute()
        is_file = path.is_file() or (path.suffix == ".py" and not path.is_dir())
        return cls(path.parent, path) if is_file else cls(path)


class Listed(NamedTuple):
    """A Python file as it was listed."""

    folder: str
    stamp: Stamp
    #: Whether it may have DAGs in it.
    is_dag_file: bool


class Lister:
    """Lists the Python files of sources; remembers what it read, so that an unchanged file is not read again.

    A DAG file ends in ``.py`` and, with `safe_mode`, has both "dag" and one of "bide" and "airflow" in it, in any
    case; a single file always counts. Hidden files and folders (a dot in front) and ``__pycache__`` are left
    out, and a folder that is reached a second time by a symbolic link. Not for the event loop's thread.
    """

    def __init__(self, *, safe_mode: bool = True) -> None:
        self._safe_mode = safe_mode
        self._last: dict[str, Listed] = {}

    def list(self, sources: Iterable[Source]) -> dict[str, Listed]:
        """Python files by absolute path. A folder that is not there has none."""
        found: dict[str, Listed] = {}
        for source in sources:
            for path in _python_files(source):
                seen = stamp(path)
                if seen is None or path in found:
                    continue
                known = self._last.get(path)
                if known is not None and known.stamp == seen:
                    found[path] = known
                else:
                    is_dag_file = source.only is not None or not self._safe_mode or _mentions_dags(path)
                    found[path] = Listed(str(source.folder), seen, is_dag_file)
        self._last = found
        return found


def stamp(path: str) -> Stamp | None:
    """What :attr:`FileParsed.inputs` would say of `path` now; None if it can't be had."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is left out, with all below it."""
    return name.startswith(".") or name == "__pycache__"


def _mentions_dags(path: str) -> bool:
    try:
        content = Path(path).read_bytes().lower()
    except OSError:
        # It is there and can't be read: its parse says why, for people to see.
        return True
    return b"dag" in content and (b"bide" in content or b"airflow" in content)


def _python_files(source: Source) -> Iterator[str]:
    if source.only is not None:
        yield str(source.only)
    else:
        yield from _walk(str(source.folder), set())


def _walk(folder: str, visited: set[tuple[int, int]]) -> Iterator[str]:
    try:
        status = Path(folder).stat()
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError:
        # Gone, or not ours to read.
        return
    identity = status.st_dev, status.st_ino
    if identity in visited:
        return
    visited.add(identity)
    for entry in entries:
        if is_hidden(entry.name):
            continue
        if entry.is_dir():
            yield from _walk(entry.path, visited)
        elif entry.name.endswith(".py"):
            yield entry.path
