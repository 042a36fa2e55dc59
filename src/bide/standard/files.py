"""Looking for files by name or pattern."""

from __future__ import annotations

import os
from glob import iglob
from pathlib import Path


def find_file(pattern: str, *, recursive: bool = False) -> Path | None:
    """A file that `pattern` names, or None.

    `pattern` is a path that may have ``*``, ``?`` and ``[...]``, and with `recursive` also ``**``. A folder that it
    names counts if there is a file in it, at any depth.
    """
    for name in iglob(pattern, recursive=recursive):  # noqa: PTH207  Path.glob takes no absolute pattern
        path = Path(name)
        if path.is_file():
            return path
        for folder, _, files in os.walk(path):
            if files:
                return Path(folder, files[0])
    return None
