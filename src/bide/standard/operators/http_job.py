"""Running a job of an HTTP service: submit it, wait without a worker, fetch the result."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import httpx

from bide.authoring.job import JobOperator
from bide.authoring.job_status import JobStatus
from bide.model.errors import InvalidArgument
from bide.standard.http.client import ServiceClient
from bide.standard.http.job import Dialect, check_cancelled, is_same_origin, read_json, shown

if TYPE_CHECKING:
    from bide.authoring.context import Context

SUCCESS_STATES: Final = ("succeeded", "success", "completed", "finished", "done")
FAILURE_STATES: Final = ("failed", "failure", "error", "cancelled", "canceled", "aborted", "timed_out")


class HttpJobOperator(JobOperator):
    """Submits a job by POST and returns its result; while the job runs, the task holds no worker.

    `payload` is posted to `endpoint` as JSON. The answer says where the job's status is: in the JSON field
    `status_url_field`, else in a ``Location`` header. That URL is polled every `poll_interval` seconds, or ever
    more seldom with `poll_backoff`; the job has ended once the field `state_field` is one of `success_states` or
    `failure_states` (in any case of letters), and until then `progress_field` may say how much of it is done, from
    0 to 1. Fields may be paths: ``"job.status"``.

    The return value is what `result_url_field` of the last status points to; else its field `result_field`; else
    the status itself. A failed job fails the try with the text of `error_field`.

    A job is cancelled by POST to the URL in `cancel_url_field` of the first answer, else by DELETE on the status
    URL. All URLs must have the scheme, host and port of `endpoint`, for `headers` go with each request.

    Each submission has an ``Idempotency-Key``. All else (tries, timeouts, callbacks) is as with every
    :class:`~bide.authoring.job.JobOperator`.
    """

    template_fields = ("endpoint", "payload", "headers")
    template_fields_renderers = {"payload": "json", "headers": "json"}
    job_fields = ("headers", "request_timeout", "dialect")
    ui_color = "#dcebf5"

    @cached_property
    def _client(self) -> ServiceClient:
        return ServiceClient()

    def __init__(
        self,
        *,
        endpoint: str,
        payload: Any = None,
        headers: dict[str, str] | None = None,
        status_url_field: str = "status_url",
        cancel_url_field: str = "cancel_url",
        result_url_field: str = "result_url",
        result_field: str = "result",
        error_field: str = "error",
        state_field: str = "state",
        progress_field: str = "progress",
        success_states: Sequence[str] = SUCCESS_STATES,
        failure_states: Sequence[str] = FAILURE_STATES,
        poll_interval: dt.timedelta | float | None = 5.0,
        request_timeout: float = 30.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(poll_interval=poll_interval, **kwargs)
        if isinstance(success_states, str) or isinstance(failure_states, str):
            raise InvalidArgument(
                f"task {self.task_id!r}: success_states and failure_states must be lists of states"
            )
        self.endpoint, self.payload, self.headers = endpoint, payload, headers
        self.request_timeout = request_timeout
        #: A :class:`~bide.standard.http.job.Dialect`, as it can be stored.
        self.dialect = Dialect(
            *(status_url_field, cancel_url_field, result_url_field, result_field, error_field, state_field),
            *(progress_field, list(success_states), list(failure_states)),
        )._asdict()

    async def submit(self, context: Context, key: str) -> dict[str, str]:
        answer = await self._request("POST", self.endpoint, key=key, json=self.payload)
        return Dialect(**self.dialect).job(self.endpoint, answer)

    async def poll(self, job: dict[str, str]) -> JobStatus:
        return Dialect(**self.dialect).status(read_json(await self._request("GET", job["status_url"])))

    async def cancel(self, job: dict[str, str]) -> None:
        check_cancelled(await self._request(job["cancel_method"], job["cancel_url"]))

    async def result(self, context: Context, job: dict[str, str], status: JobStatus) -> Any:
        url = Dialect(**self.dialect).result_url(job, status.value)
        return read_json(await self._request("GET", url)) if url else Dialect(**self.dialect).result(status.value)

    def belongs_here(self, job: dict[str, str]) -> bool:
        return is_same_origin(self.endpoint, job["status_url"])

    def job_name(self, job: dict[str, str] | None) -> str:
        return f"job {shown(job['status_url'])}" if job else "job"

    async def cleanup(self) -> None:
        await self._client.release()

    async def _request(self, method: str, url: str, *, key: str = "", **options: Any) -> httpx.Response:
        sent = (self.headers or {}) | ({"Idempotency-Key": key} if key else {})
        return await self._client.request(method, url, seconds=self.request_timeout, headers=sent, **options)
