"""Importing modules beside DAG files so that a change is always seen.

Python takes a module's cached bytecode for current if the source has the same size and the same second of its last
change. A source that is saved twice within a second would stay as it was at first. So bytecode of modules in a
watched folder is not written until the source has been left alone for a while.
"""

from __future__ import annotations

import sys
import time
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from typing import Any, Final

#: Seconds since the last change after which another one can't have the same time stamp, clock steps apart.
_SETTLED: Final = 3.0

_watched: set[Path] = set()


class SettledSourceLoader(SourceFileLoader):
    """Caches bytecode only of sources that have settled."""

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Write the bytecode file `path`, unless its source was changed a moment ago."""
        if time.time() - Path(self.path).stat().st_mtime > _SETTLED:
            super().set_data(path, data, _mode=_mode)


_make_finder = FileFinder.path_hook(
    (SettledSourceLoader, SOURCE_SUFFIXES), (ExtensionFileLoader, EXTENSION_SUFFIXES)
)


def _find_in_watched(entry: str) -> Any:
    path = Path(entry).absolute()
    if path.is_file() or not any(path.is_relative_to(folder) for folder in _watched):
        raise ImportError(f"{entry} is no folder below a folder of DAG files")
    return _make_finder(entry)


def watch_folder(folder: str) -> None:
    """Put `folder` on ``sys.path`` and import what lies below it in this way from now on."""
    root = Path(folder).absolute()
    if root not in _watched:
        _watched.add(root)
        # Finders that were made before this was known.
        for entry in [entry for entry in sys.path_importer_cache if entry.startswith(str(root))]:
            del sys.path_importer_cache[entry]
    if _find_in_watched not in sys.path_hooks:
        sys.path_hooks.insert(0, _find_in_watched)
    if str(root) not in sys.path:
        # Behind what is installed: a folder `http` or `snowflake` of somebody's DAGs hides no package of that name.
        sys.path.append(str(root))


def look_again(folder: str) -> None:
    """Find modules below `folder` that were added a moment ago, within the resolution of its time stamp."""
    root = str(Path(folder).absolute())
    for entry, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, FileFinder) and entry.startswith(root):
            finder.invalidate_caches()
