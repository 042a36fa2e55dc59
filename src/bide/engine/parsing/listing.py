"""Finds DAG files, and looks at files."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from bide.engine.parsing.ignoring import IGNORE_FILES, IgnoreSyntax, Rules, is_ignored, read_rules

#: (mtime in ns, size) of a file, as in :attr:`FileParsed.inputs`.
Stamp = tuple[int, int]


#: DAG files may come in one.
_ZIP: Final = ".zip"


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
        is_file = path.is_file() or (path.suffix in (".py", _ZIP) and not path.is_dir())
        return cls(path.parent, path) if is_file else cls(path)


class Listed(NamedTuple):
    """A Python file as it was listed."""

    folder: str
    stamp: Stamp
    #: Whether it may have DAGs in it.
    is_dag_file: bool


class Lister:
    """Lists the Python files of sources; remembers what it read, so that an unchanged file is not read again.

    A DAG file ends in ``.py``, or is a zip with such files at its top level, and with `safe_mode` has both "dag"
    and one of "bide" and "airflow" in it, in any case; a single file always counts. Hidden files and folders (a dot
    in front) and ``__pycache__`` are left out, a folder that is reached a second time by a symbolic link, and what
    ignore files name (:mod:`bide.engine.parsing.ignoring`). Not for the event loop's thread.
    """

    def __init__(self, *, safe_mode: bool = True, ignore_syntax: IgnoreSyntax = "glob") -> None:
        self._safe_mode = safe_mode
        self._ignore_syntax: IgnoreSyntax = ignore_syntax
        self._rules: dict[tuple[str, Stamp], Rules | None] = {}
        self._last: dict[str, Listed] = {}

    def list(self, sources: Iterable[Source]) -> dict[str, Listed]:
        """Python files by absolute path. A folder that is not there has none."""
        found: dict[str, Listed] = {}
        for source in sources:
            for path in self._python_files(source):
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

    def _python_files(self, source: Source) -> Iterator[str]:
        if source.only is not None:
            yield str(source.only)
        else:
            yield from self._walk(str(source.folder), source.folder, (), set())

    def _walk(
        self, folder: str, root: Path, rules: tuple[Rules, ...], visited: set[tuple[int, int]]
    ) -> Iterator[str]:
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
        rules += tuple(one for entry in entries if (one := self._rules_of(entry, root)) is not None)
        for entry in entries:
            if is_hidden(entry.name):
                continue
            is_folder = entry.is_dir()
            if not is_folder and not entry.name.endswith((".py", _ZIP)):
                continue
            if rules and is_ignored(rules, Path(entry.path), is_folder=is_folder):
                continue
            if is_folder:
                yield from self._walk(entry.path, root, rules, visited)
            else:
                yield entry.path

    def _rules_of(self, entry: os.DirEntry[str], root: Path) -> Rules | None:
        if entry.name not in IGNORE_FILES or (seen := stamp(entry.path)) is None:
            return None
        key = entry.path, seen
        if key not in self._rules:
            self._rules[key] = read_rules(Path(entry.path), root, self._ignore_syntax)
        return self._rules[key]


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
        contents = _top_of_zip(path) if path.endswith(_ZIP) else [Path(path).read_bytes()]
    except (OSError, zipfile.BadZipFile):
        # It is there and can't be read: its parse says why, for people to see.
        return True
    lower = [content.lower() for content in contents]
    return any(b"dag" in content and (b"bide" in content or b"airflow" in content) for content in lower)


def _top_of_zip(path: str) -> list[bytes]:
    with zipfile.ZipFile(path) as pack:
        return [pack.read(name) for name in pack.namelist() if "/" not in name and name.endswith(".py")]
