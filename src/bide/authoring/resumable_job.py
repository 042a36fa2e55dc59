"""Jobs as operators for Airflow drive them: a worker that polls, and a retry that finds the job again.

:class:`~bide.authoring.job.JobOperator` does more and holds no worker; this is for operators that are there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from bide.authoring.task_state import TaskStateStore

if TYPE_CHECKING:
    import logging

    from bide.authoring.context import Context


class ResumableJobMixin(ABC):
    """Gives an operator :meth:`execute_resumable`; the operator writes the other methods.

    See https://airflow.apache.org/docs for Airflow's own. The id of the job lies in the state of the task, under
    :attr:`external_id_key`. With ``durable=False`` each try submits a job of its own.
    """

    external_id_key: str = "remote_job_id"

    def __init__(self, *, durable: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.durable = durable

    if TYPE_CHECKING:

        @property
        def log(self) -> logging.Logger: ...

    def execute_resumable(self, context: Context) -> Any:
        """Submit the job, or go on with the one of an earlier try, unless the task was cleared; its result.

        A job that has ended well gives its result without being waited for; one that has ended badly is submitted
        anew.
        """
        store, cleared = TaskStateStore(), f"{self.external_id_key} of max_tries"
        # This number changes when the task is cleared, which begins everything anew.
        is_current = store.get(cleared) == context["ti"].max_tries
        known = store.get(self.external_id_key) if self.durable and is_current else None
        if known is not None:
            status = self.get_job_status(known, context)
            if self.is_job_active(status):
                self.log.info("going on with job %s, which is %s", known, status)
                self.poll_until_complete(known, context)
                return self.get_job_result(known, context)
            if self.is_job_succeeded(status):
                self.log.info("job %s has succeeded in an earlier try", known)
                return self.get_job_result(known, context)
            self.log.info("job %s of an earlier try is %s; submitting another one", known, status)
        submitted = self.submit_job(context)
        if self.durable and submitted is not None:
            store.set(cleared, None)
            store.set(self.external_id_key, submitted)
            store.set(cleared, context["ti"].max_tries)
        self.poll_until_complete(submitted, context)
        return self.get_job_result(submitted, context)

    @abstractmethod
    def submit_job(self, context: Context) -> Any:
        """Start the job; its id."""

    @abstractmethod
    def get_job_status(self, external_id: Any, context: Context) -> str:
        """How the service calls the state that the job is in."""

    @abstractmethod
    def is_job_active(self, status: str) -> bool:
        """Whether a job in that state can be waited for."""

    @abstractmethod
    def is_job_succeeded(self, status: str) -> bool:
        """Whether a job in that state has done its work."""

    @abstractmethod
    def poll_until_complete(self, external_id: Any, context: Context) -> None:
        """Return when the job has done its work; raise when it has failed."""

    @abstractmethod
    def get_job_result(self, external_id: Any, context: Context) -> Any:
        """The task's result."""
