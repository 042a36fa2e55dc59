"""What operators raise that wait for other DAGs or for people."""

from __future__ import annotations

from bide.model.errors import TaskError


class ExternalWaitError(TaskError):
    """What a task waits for in another DAG will not come."""


class ExternalTaskFailed(ExternalWaitError):
    """A task of another DAG has ended in one of the `failed_states`."""


class ExternalGroupFailed(ExternalWaitError):
    """A task group of another DAG has ended in one of the `failed_states`."""


class ExternalDagFailed(ExternalWaitError):
    """A run of another DAG has ended in one of the `failed_states`."""


class ExternalTaskMissing(ExternalWaitError):
    """There is no such task."""


class ExternalGroupMissing(ExternalWaitError):
    """There is no such task group."""


class ExternalDagMissing(ExternalWaitError):
    """There is no such DAG."""


class Rejected(TaskError):
    """Somebody has said no."""
