"""What an HTTP job service says about a job, and where it may send us."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urljoin

import httpx

from bide.authoring.job_status import JobStatus
from bide.model.errors import TaskError

#: Bytes of an unexpected answer that are shown in a message.
_EXCERPT: Final = 200
_SECRET_PARTS: Final = re.compile(r"(?<=//)[^/?#]*@|[?#].*", re.DOTALL)
_PORTS: Final = {"http": 80, "https": 443}
#: Answers to a cancel request that say that there is nothing left to cancel.
_GONE: Final = frozenset({404, 409, 410})


class JobAnswerError(TaskError):
    """The service's answer can't be used."""


class Dialect(NamedTuple):
    """How a service speaks of jobs. Names of fields may be paths into the JSON: ``"job.status"``."""

    status_url_field: str
    cancel_url_field: str
    result_url_field: str
    result_field: str
    error_field: str
    state_field: str
    progress_field: str
    success_states: Sequence[str]
    failure_states: Sequence[str]

    def job(self, endpoint: str, response: httpx.Response) -> dict[str, str]:
        """Where the job is that was submitted to `endpoint`; what is stored of it."""
        answer = read_json(response)
        found = look_up(answer, self.status_url_field) or response.headers.get("Location")
        if not found:
            raise JobAnswerError(
                f"POST {shown(endpoint)} was answered without a status URL: there is neither a field "
                f"{self.status_url_field!r} nor a Location header"
            )
        status_url = same_origin(endpoint, str(found), what="the status URL")
        cancel_url = look_up(answer, self.cancel_url_field)
        if cancel_url is None:
            return {"status_url": status_url, "cancel_method": "DELETE", "cancel_url": status_url}
        cancel_url = same_origin(endpoint, str(cancel_url), what="the cancel URL")
        return {"status_url": status_url, "cancel_method": "POST", "cancel_url": cancel_url}

    def status(self, body: object) -> JobStatus:
        """What `body`, the answer of the status URL, says."""
        found = look_up(body, self.state_field)
        if found is None:
            raise JobAnswerError(f"the answer has no field {self.state_field!r}")
        state = str(found).lower()
        if state in _lowered(self.success_states):
            return JobStatus.succeeded(body)
        if state in _lowered(self.failure_states):
            said = look_up(body, self.error_field)
            return JobStatus.failed(f"it ended as {state!r}" + (f": {said}" if said else ""))
        progress = look_up(body, self.progress_field)
        known = isinstance(progress, int | float) and not isinstance(progress, bool) and 0 <= progress <= 1
        return JobStatus.running(state, progress=progress if known else None)

    def result_url(self, job: Mapping[str, str], body: object) -> str | None:
        """Where the result of the job is that has ended with status `body`; None if that has it itself."""
        found = look_up(body, self.result_url_field)
        return None if found is None else same_origin(job["status_url"], str(found), what="the result URL")

    def result(self, body: object) -> Any:
        """The result that is in the last status: a field of it, or all of it."""
        found = look_up(body, self.result_field)
        return body if found is None else found


def look_up(body: object, path: str) -> Any:
    """The value at the dotted `path` in JSON `body`, or None."""
    found: object = body
    for name in path.split("."):
        if not isinstance(found, dict):
            return None
        found = cast("dict[str, object]", found).get(name)
    return found


def shown(url: httpx.URL | str) -> str:
    """`url` as messages may have it: without user, password, query and fragment, which may be secrets."""
    return _SECRET_PARTS.sub("", str(url))


@contextmanager
def told(method: str, url: str) -> Generator[None]:
    """Raise :class:`JobAnswerError` for a request that was not answered."""
    try:
        yield
    except httpx.LocalProtocolError:
        # Its text has the header that can't be sent, and that may be a password.
        raise JobAnswerError(
            f"{method} {shown(url)} can't be sent: a header has characters that headers can't have (a line break?)"
        ) from None
    except httpx.TransportError as error:
        raise JobAnswerError(f"{method} {shown(url)} was not answered: {error or type(error).__name__}") from error


def ask(client: httpx.Client, method: str, url: str, **options: Any) -> httpx.Response:
    """One request; raises :class:`JobAnswerError` if there was no answer."""
    with told(method, url):
        return client.request(method, url, **options)


def read_json(response: httpx.Response) -> Any:
    """The JSON of a successful answer; raises :class:`JobAnswerError` for any other."""
    asked = f"{response.request.method} {shown(response.request.url)}"
    if not response.is_success:
        raise JobAnswerError(
            f"{asked} was answered {response.status_code} {response.reason_phrase}: {_excerpt(response)}"
        )
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise JobAnswerError(f"{asked} was not answered with JSON: {_excerpt(response)}") from None


def check_cancelled(response: httpx.Response) -> None:
    """Raise :class:`JobAnswerError` if `response` to a cancel request means that the job may go on."""
    if response.status_code not in _GONE:
        read_json(response)


def is_same_origin(base: str, url: str) -> bool:
    """Whether `url` has the scheme, host and port of `base`."""
    return _origin(base) == _origin(url)


def same_origin(base: str, url: str, *, what: str) -> str:
    """`url`, made absolute; raises :class:`JobAnswerError` unless it has the scheme, host and port of `base`.

    What a service names may only be asked of itself: the request carries the credentials meant for it.
    """
    absolute = urljoin(base, url)
    if _origin(absolute) != _origin(base):
        raise JobAnswerError(
            f"{what} {shown(absolute)!r} is not of the origin of {shown(base)!r}: scheme, host and port must be "
            "the same, since the request would carry the headers meant for that service"
        )
    return absolute


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise JobAnswerError(f"{shown(url)!r} is no URL: {error}") from None
    return parsed.scheme, parsed.host, parsed.port or _PORTS.get(parsed.scheme)


def _lowered(names: Sequence[str]) -> set[str]:
    return {name.lower() for name in names}


def _excerpt(response: httpx.Response) -> str:
    text = response.text.strip()
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}..."
