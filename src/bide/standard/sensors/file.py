"""Waiting for a file."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from bide.authoring.operator_checks import name_of
from bide.authoring.sensor import BaseSensorOperator
from bide.authoring.start_trigger import StartTriggerArgs
from bide.model.errors import ConnectionNotFound, InvalidArgument, TaskError
from bide.standard.configuration import default_deferrable
from bide.standard.files import find_file
from bide.standard.hooks.filesystem import FSHook
from bide.standard.sensors.waiting import time_left
from bide.standard.triggers.file import FileTrigger

if TYPE_CHECKING:
    from bide.authoring.context import Context

DEFAULT_CONNECTION: Final = FSHook.default_conn_name


class FileSensor(BaseSensorOperator):
    """Waits for a file that `filepath` names; see :func:`bide.standard.files.find_file`.

    With `deferrable` (by default ``[operators] default_deferrable``) the look every `poke_interval` is a trigger's
    and holds no worker; with `start_from_trigger` the task begins with that. `trigger_kwargs` are then those of its
    :class:`FileTrigger`, if they should be others. A relative `filepath` is in the folder that the connection
    `fs_conn_id` names, if there is one, else in the working directory.
    """

    template_fields = ("filepath", "fs_conn_id")
    ui_color = "#91818a"

    def __init__(
        self,
        *,
        filepath: str | os.PathLike[str],
        fs_conn_id: str = DEFAULT_CONNECTION,
        recursive: bool = False,
        deferrable: bool | None = None,
        start_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not filepath:
            raise InvalidArgument(f"{name_of(self)}: filepath is empty")
        self.filepath = os.fspath(filepath) if isinstance(filepath, os.PathLike) else filepath
        self.fs_conn_id = fs_conn_id
        self.recursive = recursive
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.start_from_trigger = start_from_trigger
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=f"{FileTrigger.__module__}.{FileTrigger.__qualname__}",
            trigger_kwargs=trigger_kwargs
            or {"filepath": self.filepath, "recursive": recursive, "poke_interval": self.poke_interval},
            next_method="execute_complete",
            timeout=dt.timedelta(seconds=self.timeout),
        )

    @property
    def path(self) -> str:
        """The pattern that is looked for. Raises :class:`ConnectionNotFound` for a connection that is not there."""
        if PurePath(self.filepath).is_absolute():
            return self.filepath
        try:
            folder = FSHook(self.fs_conn_id).get_path()
        except ConnectionNotFound:
            if self.fs_conn_id != DEFAULT_CONNECTION:
                raise
            return self.filepath
        return str(PurePath(folder) / self.filepath)

    def poke(self, context: Context) -> bool:
        path = self.path
        self.log.info("looking for the file %s", path)
        found = find_file(path, recursive=self.recursive)
        if found is not None:
            self.log.info("found the file %s", found)
        return found is not None

    def execute(self, context: Context) -> Any:
        if not self.deferrable:
            return super().execute(context)
        if not self.poke(context):
            self.defer(
                trigger=FileTrigger(self.path, recursive=self.recursive, poke_interval=self.poke_interval),
                method_name="execute_complete",
                timeout=time_left(self, context),
            )
        return None

    def execute_complete(self, context: Context, event: Any = None) -> None:
        """The trigger has found the file."""
        if not event:
            raise TaskError(f"the trigger of task {self.task_id!r} found no file at {self.filepath}: {event!r}")
        self.log.info("the file %s is there", self.filepath)
