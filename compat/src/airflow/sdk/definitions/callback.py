"""What is called when a deadline is missed."""

from bide.authoring.deadlines import AsyncCallback as AsyncCallback
from bide.authoring.deadlines import SyncCallback as SyncCallback

__all__ = (
    "AsyncCallback",
    "SyncCallback",
)
