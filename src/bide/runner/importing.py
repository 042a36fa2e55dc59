"""Imports trigger classes and DAG files beside the event loop."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from bide.authoring.loading import LoadedFile
from bide.runner.settings import setting
from bide.runner.trigger_classes import ClassPath, FoundClass, NotHere, TriggerClasses

T = TypeVar("T")

#: Seconds that one import may take, if [parsing] timeout_sec does not say so.
_LIMIT: Final = 30.0
#: Frames at the end of the stack of an import that does not end.
_FRAMES: Final = 6


class ImportHangs(NotHere):
    """An import does not end, so that this process can import nothing more."""

    def __init__(self, path: ClassPath, message: str) -> None:
        super().__init__(message)
        self.path = path

    def concerns(self, path: ClassPath) -> bool:
        """Whether `path` is found by the import that does not end."""
        return path.dag_folder == self.path.dag_folder and (
            path.dag_file == self.path.dag_file
            if not self.path.path
            else path.path.rpartition(".")[0] == self.path.path.rpartition(".")[0]
        )


class Importer:
    """One thread: imports may take long and must not hold up the loop, nor run beside each other."""

    def __init__(self, classes: TriggerClasses) -> None:
        self._classes = classes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="import", initializer=self._note_thread)
        self._thread_id = 0
        self._limit = float(setting("parsing", "timeout_sec") or _LIMIT)

    async def resolve(self, wanted: Sequence[ClassPath]) -> dict[ClassPath, FoundClass]:
        """Each class, or why there is none; :class:`NotHere` if this process can't find out any more."""
        return await self._run(self._classes.resolve, wanted)

    async def load_file(self, dag_file: str, dag_folder: str) -> LoadedFile:
        """The DAG file as it is now; :class:`NotHere` if this process can't import it any more."""
        return await self._run(self._classes.load_file, dag_file, dag_folder)

    async def _run(self, call: Callable[..., T], *args: Any) -> T:
        future = asyncio.get_running_loop().run_in_executor(self._thread, call, *args)
        number = -1
        while not (await asyncio.wait([future], timeout=self._limit))[0]:
            path, current = self._classes.importing
            if path is not None and current == number:
                raise ImportHangs(path, self._describe(path))
            number = current
        return future.result()

    def _describe(self, path: ClassPath) -> str:
        frame = sys._current_frames().get(self._thread_id)  # pyright: ignore[reportPrivateUsage]
        stack = "" if frame is None else "".join(traceback.format_stack(frame)[-_FRAMES:]).rstrip()
        name = path.path or path.dag_file
        return f"the import of {name} has not ended within {self._limit:g} s. It is here:\n{stack}"

    def _note_thread(self) -> None:
        self._thread_id = threading.get_ident()
