"""The parts of an engine: together in one process, or each in processes of its own."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Part(StrEnum):
    """One part; its value is the command that runs it alone."""

    #: Duties and local executor: makes runs, and runs tasks in workers of its own.
    SCHEDULER = "scheduler"
    #: Runs the triggers of deferred tasks.
    TRIGGERER = "triggerer"
    #: Reads DAG files.
    DAG_PROCESSOR = "dag-processor"


ALL_PARTS: Final = frozenset(Part)
