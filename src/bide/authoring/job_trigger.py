"""Waiting for a job by looking at it, with the methods of the operator that has submitted it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from bide.authoring.calling import call_aside
from bide.authoring.job_status import JobStatus
from bide.authoring.trigger import PollTrigger, TriggerEvent

if TYPE_CHECKING:
    from bide.authoring.job import JobOperator


class JobTrigger(PollTrigger):
    """Fires with the :class:`JobStatus`, as a dict, of a job that has ended.

    Each operator class has one of its own. It builds an operator again from `fields` alone and calls its methods.
    Its arguments are also what the store keeps of a job: enough to cancel it, whatever has happened to its task.
    """

    operator_class: ClassVar[type[JobOperator]]

    def __init__(
        self,
        *,
        key: str,
        job: Any,
        fields: Mapping[str, Any],
        interval: float | None,
        max_errors: int,
        backoff: float = 1.0,
        max_interval: float | None = None,
    ) -> None:
        super().__init__()
        self.key = key
        #: None if nobody knows whether there is one.
        self.job = job
        self.fields = dict(fields)
        self.interval = interval or type(self).interval
        self.max_errors = max_errors
        self.backoff, self.max_interval = backoff, max_interval
        self._operator = self.operator_class.rebuilt(fields)

    @classmethod
    def path(cls) -> str:
        """Where it is found."""
        operator = cls.operator_class
        return f"{operator.__module__}.{operator.__qualname__}.{cls.__name__}"

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class, by way of its operator's class, and the arguments."""
        arguments = {
            "key": self.key,
            "job": self.job,
            "fields": self.fields,
            "interval": self.interval,
            "max_errors": self.max_errors,
            "backoff": self.backoff,
            "max_interval": self.max_interval,
        }
        return self.path(), arguments

    async def poll(self) -> TriggerEvent | None:
        """One look by the operator's ``poll()``."""
        status = checked_status(await call_aside(self._operator.poll, self.job), self._operator)
        self.report_progress(status.message, status.progress)
        if status.state == "running":
            return None
        return TriggerEvent(status._asdict())

    async def on_kill(self) -> None:
        """Cancel the job unless it has ended. One of which only the key is known is looked for first."""
        operator = self._operator
        try:
            job = self.job if self.job is not None else await call_aside(operator.find, self.key)
            if job is None:
                self.log.info("there is no job to be cancelled")
                return
            if await self._has_ended(job):
                self.log.info("%s has ended; there is nothing to be cancelled", operator.job_name(job))
                return
            await call_aside(operator.cancel, job)
            self.log.info("cancelled %s", operator.job_name(job))
        finally:
            await self.cleanup()

    async def _has_ended(self, job: Any) -> bool:
        try:
            status = await call_aside(self._operator.poll, job)
        except Exception as error:
            self.log.warning("%s can't be looked at, and is cancelled: %s", self._operator.job_name(job), error)
            return False
        return checked_status(status, self._operator).state != "running"

    async def cleanup(self) -> None:
        """Let the operator close what its looks have opened."""
        await self._operator.cleanup()

    def describe(self) -> str:
        return self._operator.job_name(self.job)


def checked_status(status: Any, operator: JobOperator) -> JobStatus:
    """`status`, if ``poll()`` may return that."""
    if isinstance(status, JobStatus):
        return status
    raise TypeError(f"{type(operator).__name__}.poll() must return a JobStatus, not {status!r}")
