"""Waiting for a job by looking at its status URL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from bide.authoring.trigger import PollTrigger, TriggerEvent
from bide.standard.http.client import SharedClient, shared_client, timeouts
from bide.standard.http.job import Outcome, Vocabulary, check_cancelled, look_up, read_json, shown, told


class HttpJobTrigger(PollTrigger):
    """Fires once the job at `status_url` has ended, with ``{"status": "success" | "error", "job": BODY}``.

    It looks every `poll_interval` seconds. A look raises :class:`~bide.standard.http.job.JobAnswerError` when the
    service can't be reached or gives no usable answer; `error_budget` of them in a row are borne, with growing
    pauses. One more ends the wait and leaves the job alone. When its task is cancelled, the job is, by
    `cancel_method` on `cancel_url`.
    """

    def __init__(
        self,
        *,
        status_url: str,
        cancel_url: str,
        cancel_method: str = "DELETE",
        headers: dict[str, str] | None = None,
        state_field: str = "state",
        success_states: Sequence[str],
        failure_states: Sequence[str],
        poll_interval: float = 5.0,
        error_budget: int = 5,
        request_timeout: float = 30.0,
    ) -> None:
        super().__init__()
        self.status_url = status_url
        self.cancel_url = cancel_url
        self.cancel_method = cancel_method
        self.headers = headers or {}
        self.vocabulary = Vocabulary(state_field, tuple(success_states), tuple(failure_states))
        self.interval = poll_interval
        self.error_budget = error_budget
        self.max_errors = error_budget + 1
        self.request_timeout = request_timeout
        self._held: SharedClient | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{HttpJobTrigger.__module__}.{HttpJobTrigger.__qualname__}",
            {
                "status_url": self.status_url,
                "cancel_url": self.cancel_url,
                "cancel_method": self.cancel_method,
                "headers": self.headers,
                "state_field": self.vocabulary.state_field,
                "success_states": list(self.vocabulary.success_states),
                "failure_states": list(self.vocabulary.failure_states),
                "poll_interval": self.interval,
                "error_budget": self.error_budget,
                "request_timeout": self.request_timeout,
            },
        )

    async def poll(self) -> TriggerEvent | None:
        body = read_json(await self._request("GET", self.status_url))
        outcome = self.vocabulary.outcome(body)
        if outcome is None:
            return None
        self.log.info(
            "the job at %s has ended: %s", shown(self.status_url), look_up(body, self.vocabulary.state_field)
        )
        return TriggerEvent(job_event(outcome, body))

    async def on_kill(self) -> None:
        try:
            response = await self._request(self.cancel_method, self.cancel_url)
        finally:
            await self.cleanup()
        check_cancelled(response)
        self.log.info("cancelled the job at %s", shown(self.status_url))

    async def cleanup(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            await held.release()

    def describe(self) -> str:
        return f"job {shown(self.status_url)}"

    async def _request(self, method: str, url: str) -> httpx.Response:
        if self._held is None:
            self._held = shared_client(url)
            self._held.hold()
        client = await self._held.get()
        limits = timeouts(self.request_timeout)
        with told(method, url):
            return await client.request(method, url, headers=self.headers, timeout=limits)


def job_event(outcome: Outcome, body: object) -> dict[str, Any]:
    """The payload for a job that has ended with status `body`."""
    return {"status": "success" if outcome == "success" else "error", "job": body}
