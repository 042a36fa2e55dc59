"""What is handed from the scheduler to an executor."""

from __future__ import annotations

from typing import NamedTuple

from bide.wire.messages import InstanceKey


class Claim(NamedTuple):
    """A queued instance. `epoch` is the one under which it was queued: a start under another loses."""

    instance: InstanceKey
    epoch: int
    dag_file: str
    #: The serialised DAG that the run pins.
    dag_hash: str
    #: Whether it goes on after a wait.
    is_resume: bool = False
    #: Whether it can share a process with others of its kind.
    is_async: bool = False
