"""Running a job of an HTTP service: submit it, wait without a worker, fetch the result."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import httpx

from bide.authoring.moments import as_seconds
from bide.authoring.operator import BaseOperator
from bide.model.errors import DeferralTimeout, InvalidArgument, TaskError, TriggerFailure
from bide.standard.http.client import tls_for
from bide.standard.http.job import (
    Job,
    JobAnswerError,
    Vocabulary,
    ask,
    check_cancelled,
    look_up,
    read_json,
    same_origin,
    shown,
)
from bide.standard.triggers.http_job import HttpJobTrigger, job_event

if TYPE_CHECKING:
    from bide.authoring.context import Context

SUCCESS_STATES: Final = ("succeeded", "success", "completed", "finished", "done")
FAILURE_STATES: Final = ("failed", "failure", "error", "cancelled", "canceled", "aborted", "timed_out")


class HttpJobOperator(BaseOperator):
    """Submits a job by POST and returns its result; while the job runs, the task holds no worker.

    `payload` is posted to `endpoint` as JSON. The answer says where the job's status is: in the JSON field
    `status_url_field`, else in a ``Location`` header. That URL is polled every `poll_interval` seconds; the job has
    ended once the field `state_field` is one of `success_states` or `failure_states` (in any case of letters).
    Fields may be paths: ``"job.status"``.

    The return value is what `result_url_field` of the last status points to; else its field `result_field`; else
    the status itself. A failed job fails the try with the text of `error_field`.

    When the task is cancelled or times out, the job is cancelled: by POST to the URL in `cancel_url_field` of the
    first answer, else by DELETE on the status URL. All URLs must have the scheme, host and port of `endpoint`, for
    `headers` go with each request. The status may be unreadable `error_budget` times in a row.

    Each submission has an ``Idempotency-Key`` that is the same in all tries, so that with a service that heeds it a
    try after a crash finds the job again. Only after a job has failed the next try submits a new one.

    `timeout`, a timedelta or seconds, limits the wait. With ``deferrable=False`` the worker itself polls.
    """

    template_fields = ("endpoint", "payload", "headers")
    template_fields_renderers = {"payload": "json", "headers": "json"}
    ui_color = "#dcebf5"

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
        success_states: Sequence[str] = SUCCESS_STATES,
        failure_states: Sequence[str] = FAILURE_STATES,
        poll_interval: dt.timedelta | float = 5.0,
        error_budget: int = 5,
        request_timeout: float = 30.0,
        timeout: dt.timedelta | float | None = None,
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, states in (("success_states", success_states), ("failure_states", failure_states)):
            if isinstance(states, str):
                raise InvalidArgument(f"task {self.task_id!r}: {name} must be a list of states, not {states!r}")
        self.endpoint = endpoint
        self.payload = payload
        self.headers = headers
        self.status_url_field = status_url_field
        self.cancel_url_field = cancel_url_field
        self.result_url_field = result_url_field
        self.result_field = result_field
        self.error_field = error_field
        self.poll_interval = as_seconds(poll_interval, name="poll_interval", of=f"task {self.task_id!r}") or 0.0
        self.error_budget = error_budget
        self.request_timeout = request_timeout
        self.timeout = timeout
        self._timeout_seconds = as_seconds(timeout, name="timeout", of=f"task {self.task_id!r}")
        self._vocabulary = Vocabulary(state_field, tuple(success_states), tuple(failure_states))
        self.deferrable = deferrable
        self._job: Job | None = None

    def execute(self, context: Context) -> Any:
        with self._client(self.endpoint) as client:
            job, body = self._submit(client, context["ti"])
        self._job = job
        outcome = self._vocabulary.outcome(body)
        if outcome is not None:
            return self.execute_complete(context, job_event(outcome, body), job.status_url)
        trigger = self._trigger(job)
        if self.deferrable:
            # The endpoint may be another one by then: what the job is asked for later is at its own service.
            known = {"status_url": job.status_url}
            self.defer(trigger, method_name="execute_complete", kwargs=known, timeout=self.timeout)
        return self.execute_complete(context, self._wait_here(trigger), job.status_url)

    def execute_complete(self, context: Context, event: dict[str, Any], status_url: str) -> Any:
        """Judge the job at `status_url`, which has ended, and fetch its result."""
        self._job = None
        body = event["job"]
        if event["status"] != "success":
            said = look_up(body, self.error_field)
            state = self._vocabulary.state(body)
            raise TaskError(f"the job ended as {state!r}" + (f": {said}" if said else ""))
        result_url = look_up(body, self.result_url_field)
        if result_url is not None:
            url = same_origin(status_url, str(result_url), what="the result URL")
            with self._client(url) as client:
                return read_json(ask(client, "GET", url))
        result = look_up(body, self.result_field)
        return body if result is None else result

    def on_kill(self) -> None:
        """Cancel the job, if this process is waiting for it."""
        job = self._job
        if job is not None:
            with self._client(job.cancel_url) as client:
                check_cancelled(ask(client, job.cancel_method, job.cancel_url))
            self.log.info("cancelled the job at %s", shown(job.status_url))

    def _submit(self, client: httpx.Client, instance: Any) -> tuple[Job, Any]:
        """Submit the job, or find the one of an earlier try: where it is, and its status.

        The first submission of a task instance has key 1, and so on. An earlier key finds an earlier job with a
        service that heeds keys; only if that job has failed, the next key submits a new one.
        """
        number = 1
        while True:
            key = {"Idempotency-Key": idempotency_key(instance, number)}
            response = ask(client, "POST", self.endpoint, json=self.payload, headers=key)
            answer = read_json(response)
            job = self._read_job(response, answer)
            has_state = look_up(answer, self._vocabulary.state_field) is not None
            body = answer if has_state else read_json(ask(client, "GET", job.status_url))
            if number >= instance.try_number or self._vocabulary.outcome(body) != "failure":
                self.log.info("the job is at %s", shown(job.status_url))
                return job, body
            self.log.info("the job at %s has failed in an earlier try", shown(job.status_url))
            number += 1

    def _read_job(self, response: httpx.Response, answer: object) -> Job:
        """Where the job is that was submitted."""
        status_url = look_up(answer, self.status_url_field) or response.headers.get("Location")
        if not status_url:
            raise JobAnswerError(
                f"POST {shown(self.endpoint)} was answered without a status URL: there is neither a field "
                f"{self.status_url_field!r} nor a Location header"
            )
        status_url = same_origin(self.endpoint, str(status_url), what="the status URL")
        cancel_url = look_up(answer, self.cancel_url_field)
        if cancel_url is None:
            return Job(status_url, "DELETE", status_url)
        return Job(status_url, "POST", same_origin(self.endpoint, str(cancel_url), what="the cancel URL"))

    def _wait_here(self, trigger: HttpJobTrigger) -> dict[str, Any]:
        """Hold the worker until the job has ended."""
        try:
            return asyncio.run(_first_payload(trigger, self._timeout_seconds))
        except TimeoutError:
            self.on_kill()
            raise DeferralTimeout(
                f"the job at {shown(trigger.status_url)} has not ended within {self._timeout_seconds:g} s"
            ) from None

    def _trigger(self, job: Job) -> HttpJobTrigger:
        return HttpJobTrigger(
            status_url=job.status_url,
            cancel_url=job.cancel_url,
            cancel_method=job.cancel_method,
            headers=self.headers,
            state_field=self._vocabulary.state_field,
            success_states=self._vocabulary.success_states,
            failure_states=self._vocabulary.failure_states,
            poll_interval=self.poll_interval,
            error_budget=self.error_budget,
            request_timeout=self.request_timeout,
        )

    def _client(self, url: str) -> httpx.Client:
        return httpx.Client(
            headers=self.headers,
            timeout=self.request_timeout,
            verify=tls_for(httpx.URL(url).scheme),
            follow_redirects=False,
        )


def idempotency_key(instance: Any, number: int) -> str:
    """The key of submission `number` of a task instance: stable over its tries, unlike that of any other."""
    names = (instance.id, instance.dag_id, instance.run_id, instance.task_id, instance.map_index, number)
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32]


async def _first_payload(trigger: HttpJobTrigger, seconds: float | None) -> dict[str, Any]:
    try:
        async with asyncio.timeout(seconds):
            async for event in trigger.run():
                return event.payload
    finally:
        await trigger.cleanup()
    raise TriggerFailure(f"{type(trigger).__name__} ended without an event")
