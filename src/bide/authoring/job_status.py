"""How a job outside is."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from bide.model.errors import InvalidArgument

JobState = Literal["running", "succeeded", "failed", "cancelled"]


class JobStatus(NamedTuple):
    """What a look at a job has found; made by one of its four class methods."""

    state: JobState
    #: One line for people: what it is doing, or why it has failed.
    message: str = ""
    #: How much of it is done, from 0 to 1, while it is running.
    progress: float | None = None
    #: What :meth:`~bide.authoring.job.JobOperator.result` may need of it, once it has succeeded; storable.
    value: Any = None

    @classmethod
    def running(cls, message: str = "", *, progress: float | None = None) -> JobStatus:
        """It waits or works. Both arguments are shown to people as they are."""
        if progress is not None and not 0 <= progress <= 1:
            raise InvalidArgument(f"the progress of a job is a number from 0 to 1, not {progress!r}")
        return cls("running", message, progress)

    @classmethod
    def succeeded(cls, value: Any = None) -> JobStatus:
        """It has done its work."""
        return cls("succeeded", value=value)

    @classmethod
    def failed(cls, message: str = "") -> JobStatus:
        """It has ended without having done its work. A retry submits another one."""
        return cls("failed", message)

    @classmethod
    def cancelled(cls, message: str = "") -> JobStatus:
        """Somebody has ended it; that fails the task too."""
        return cls("cancelled", message)
