"""What an HTTP job service says about a job, and where it may send us."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal, NamedTuple, cast
from urllib.parse import urljoin

import httpx

from bide.model.errors import TaskError

#: Bytes of an unexpected answer that are shown in a message.
_EXCERPT: Final = 200
_SECRET_PARTS: Final = re.compile(r"(?<=//)[^/?#]*@|[?#].*", re.DOTALL)
_PORTS: Final = {"http": 80, "https": 443}
#: Answers to a cancel request that say that there is nothing left to cancel.
_GONE: Final = frozenset({404, 409, 410})

Outcome = Literal["success", "failure"]


class JobAnswerError(TaskError):
    """The service's answer can't be used."""


class Vocabulary(NamedTuple):
    """How a service names states. Names of fields may be paths into the JSON: ``"job.status"``."""

    state_field: str
    success_states: Sequence[str]
    failure_states: Sequence[str]

    def outcome(self, body: object) -> Outcome | None:
        """How the job of status `body` has ended; None while it has not."""
        state = self.state(body)
        if state in _lowered(self.success_states):
            return "success"
        if state in _lowered(self.failure_states):
            return "failure"
        return None

    def state(self, body: object) -> str:
        """The state that `body` names, in lower case; raises :class:`JobAnswerError` if it names none."""
        state = look_up(body, self.state_field)
        if state is None:
            raise JobAnswerError(f"the answer has no field {self.state_field!r}")
        return str(state).lower()


class Job(NamedTuple):
    """A job as submitted."""

    status_url: str
    cancel_method: str
    cancel_url: str


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
