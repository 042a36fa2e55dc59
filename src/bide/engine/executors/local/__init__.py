"""The local executor: tasks in warm worker processes on this machine."""

from bide.engine.executors.local.executor import LocalExecutor

__all__ = ["LocalExecutor"]
