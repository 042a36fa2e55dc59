"""The messages between the engine and its template process."""

from __future__ import annotations

from typing import Literal

from bide.wire.message import Message


class Fork(Message, frozen=True):
    """Engine → template: fork a runner; its end of a socket pair comes as ancillary data with this frame."""

    label: str
    role: Literal["task", "trigger", "parse", "secrets", "extension"]


class Forked(Message, frozen=True):
    """Template → engine: the runner `label` is process `pid`."""

    label: str
    pid: int


class Exited(Message, frozen=True):
    """Template → engine: the runner `label` is gone. `status` as of :func:`os.waitstatus_to_exitcode`."""

    label: str
    pid: int
    status: int
