"""The messages between the engine and DAG parsers."""

from __future__ import annotations

import msgspec

from bide.model.dag_spec import DagSpec
from bide.wire.message import Message
from bide.wire.wait_messages import WaitSpec


class ParseFile(Message, frozen=True):
    """Engine → dag parser: import this file once and answer :class:`FileParsed`; then exit."""

    path: str
    folder: str
    #: Look for what people should know of it, too, such as lines at its top level that take so many seconds.
    slow: float | None = None


class Finding(msgspec.Struct, frozen=True):
    """What people should know of a file that can be used."""

    #: Which kind of finding, such as ``slow-import``.
    rule: str
    message: str
    line: int | None = None
    dag_id: str | None = None
    task_id: str | None = None


class FileError(msgspec.Struct, frozen=True):
    """Why a file, or one DAG of it, can't be used."""

    #: One line: kind of error, value, file and line.
    message: str
    traceback: str = ""
    line: int | None = None
    #: The DAG concerned, or None for the whole file.
    dag_id: str | None = None


class WatcherSpec(msgspec.Struct, frozen=True):
    """A trigger whose events are events of an asset, for as long as a DAG has it."""

    dag_id: str
    asset_name: str
    asset_uri: str
    #: Its name among those of its asset.
    name: str
    #: A poll or a stream.
    trigger: WaitSpec


class FileParsed(Message, frozen=True):
    """Dag parser → engine."""

    path: str
    dags: tuple[DagSpec, ...]
    errors: tuple[FileError, ...]
    #: Files read by the import, each with (mtime in ns, size): a change of one means to parse again.
    inputs: dict[str, tuple[int, int]]
    #: Seconds.
    duration: float
    warnings: tuple[str, ...] = ()
    #: If they were asked for.
    findings: tuple[Finding, ...] = ()
    #: What the assets are watched by that its DAGs name.
    watchers: tuple[WatcherSpec, ...] = ()
