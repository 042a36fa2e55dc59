"""Which files an import reads, so that it is known when to do it again."""

# os.path and os.stat, since this runs for each file that an import opens and Path takes ten times as long.
# ruff: noqa: PTH100, PTH116, PTH118

from __future__ import annotations

import os
import stat
import sys
import sysconfig
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from bide.model import dag_modules

#: (mtime in ns, size in bytes).
Stamp = tuple[int, int]


def stamp_of(path: str) -> Stamp | None:
    """The stamp of a regular file; None if there is none at `path`."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return (found.st_mtime_ns, found.st_size) if stat.S_ISREG(found.st_mode) else None


def changed_input(inputs: dict[str, Stamp]) -> str | None:
    """The first of `inputs` that is not as it was, or None."""
    return next((path for path, stamp in inputs.items() if stamp_of(path) != stamp), None)


class Inputs:
    """Files read so far, each with its stamp at the first reading."""

    def __init__(self) -> None:
        self.stamps: dict[str, Stamp] = {}

    def add(self, path: str) -> None:
        """Note that `path` is read; what is no regular file is left out."""
        path = os.path.abspath(path)
        if path not in self.stamps and (stamp := stamp_of(path)) is not None:
            self.stamps[path] = stamp


_recording: Inputs | None = None
_hooked = False
#: Files of the interpreter and of installed packages change only with a new environment.
_INSTALLED: Final = tuple(
    os.path.join(root, "")
    for root in {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), "/proc", "/sys", "/dev"}
)
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _on_audit_event(event: str, args: tuple[Any, ...]) -> None:
    if _recording is None or event != "open":
        return
    path, _, flags = args
    if isinstance(path, int) or (isinstance(flags, int) and flags & _WRITING):
        return
    text = os.path.abspath(os.fsdecode(path))
    if not text.endswith(".pyc") and not text.startswith(_INSTALLED):
        _recording.add(text)


@contextmanager
def recorded_inputs(folder: str) -> Generator[Inputs]:
    """Collect what is opened for reading inside, and modules that lie under `folder`; installed files left out."""
    global _recording, _hooked  # noqa: PLW0603  # an audit hook can't be removed, so there is one per process
    if not _hooked:
        sys.addaudithook(_on_audit_event)
        _hooked = True
    before, _recording = _recording, Inputs()
    inputs = _recording
    try:
        yield inputs
    finally:
        _recording = before
        for path in module_files(folder):
            inputs.add(path)


#: The last module that was imported when there was no DAG file yet.
_last_installed = ""


def no_dag_file_so_far() -> None:
    """Take it that no module imported until now lies in a folder of DAG files.

    A fresh process then need not look at hundreds of them, each on a page of memory that it shares until then.
    """
    global _last_installed  # noqa: PLW0603
    _last_installed = next(reversed(sys.modules))


def loose_module_files() -> list[str]:
    """Sources of imported modules that are not installed, such as those of ``PYTHONPATH``; not those of Bide."""
    files: list[str] = []
    for name in reversed(list(sys.modules) if not _last_installed else sys.modules):
        if name == _last_installed:
            break
        file = getattr(sys.modules[name], "__file__", None)
        if isinstance(file, str) and not file.startswith(_INSTALLED) and not name.startswith("bide"):
            files.append(file)
    return files


def module_files(folder: str) -> list[str]:
    """Sources of all imported modules that lie under `folder`, but not those of other DAG files."""
    root = os.path.join(os.path.abspath(folder), "")
    files: list[str] = []
    for name in reversed(list(sys.modules) if not _last_installed else sys.modules):
        if name == _last_installed:
            break
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and file.startswith(root) and not name.startswith(dag_modules.PREFIX):
            files.append(file)
    return files
