"""Waiting for files."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bide.authoring.event_trigger import BaseEventTrigger
from bide.authoring.moments import as_seconds
from bide.authoring.trigger import PollTrigger, TriggerEvent
from bide.model.errors import InvalidArgument
from bide.standard.files import find_file


class FileTrigger(PollTrigger):
    """Fires with True once there is a file that `filepath` names; see :func:`bide.standard.files.find_file`.

    It looks every `poke_interval` (seconds or a timedelta), in a thread: the file system may be a remote one. All
    that wait for the same file share their looks.
    """

    def __init__(
        self, filepath: str, recursive: bool = False, poke_interval: dt.timedelta | float = 5.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        seconds = as_seconds(poke_interval, name="poke_interval", of="FileTrigger")
        if seconds is None:
            raise InvalidArgument("FileTrigger: poke_interval must be a number of seconds, not None")
        self.filepath = str(filepath)
        self.recursive = recursive
        self.poke_interval = self.interval = seconds
        self.share_key = (self.filepath, recursive)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{FileTrigger.__module__}.{FileTrigger.__qualname__}",
            {"filepath": self.filepath, "recursive": self.recursive, "poke_interval": self.poke_interval},
        )

    def poll(self) -> TriggerEvent | None:
        found = find_file(self.filepath, recursive=self.recursive)
        if found is None:
            return None
        self.log.info("found the file %s", found)
        return TriggerEvent(True)

    def describe(self) -> str:
        return f"file {self.filepath}"


class FileDeleteTrigger(BaseEventTrigger):
    """Has an event with True for each file `filepath` that appears, and deletes it when the event is stored.

    It looks every `poke_interval` (seconds or a timedelta), in a thread.
    """

    def __init__(self, filepath: str, poke_interval: dt.timedelta | float = 5.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        seconds = as_seconds(poke_interval, name="poke_interval", of="FileDeleteTrigger")
        if seconds is None:
            raise InvalidArgument("FileDeleteTrigger: poke_interval must be a number of seconds, not None")
        self.filepath = str(filepath)
        self.poke_interval = seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{FileDeleteTrigger.__module__}.{FileDeleteTrigger.__qualname__}",
            {"filepath": self.filepath, "poke_interval": self.poke_interval},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        path = Path(self.filepath)
        while True:
            key = await asyncio.to_thread(_key_of, path)
            if key is not None:
                self.log.info("found the file %s", path)
                yield TriggerEvent(True, key=key)
                await asyncio.to_thread(path.unlink, missing_ok=True)
            await asyncio.sleep(self.poke_interval)

    def describe(self) -> str:
        return f"file {self.filepath}"


class DirectoryFileDeleteTrigger(FileDeleteTrigger):
    """The same of the file `filename` in the folder `directory`."""

    def __init__(
        self, *, directory: str, filename: str, poke_interval: dt.timedelta | float = 5.0, **kwargs: Any
    ) -> None:
        if Path(filename).name != filename:
            raise InvalidArgument(f"DirectoryFileDeleteTrigger: filename must be a name alone, not {filename!r}")
        super().__init__(str(Path(directory) / filename), poke_interval, **kwargs)
        self.directory, self.filename = str(directory), filename

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{DirectoryFileDeleteTrigger.__module__}.{DirectoryFileDeleteTrigger.__qualname__}"
        arguments = {"directory": self.directory, "filename": self.filename, "poke_interval": self.poke_interval}
        return path, arguments


def _key_of(path: Path) -> str | None:
    """Tells this file from later ones of its name; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return f"{path}@{status.st_ino}:{status.st_mtime_ns}"
