"""The local executor: tasks in warm worker processes on this machine."""

from bide.engine.executors.local.executor import LocalExecutor
from bide.engine.executors.local.sharing import SharingExecutor, local_executor, shares_workers

__all__ = ["LocalExecutor", "SharingExecutor", "local_executor", "shares_workers"]
