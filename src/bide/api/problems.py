"""Errors of Bide as answers: ``{"detail": ...}`` with the code that says whose fault it is."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from bide.model.errors import AuthoringError, BideError, Conflict, Gone, NotFound, StoreUnavailable

#: Seconds after which a client may try again when the store was busy.
_RETRY_AFTER = "1"


class BadBody(BideError):
    """The body of a request is not what it has to be."""


class BodyTooLarge(BideError):
    """The body of a request is longer than it may be."""


class NotAuthenticated(BideError):
    """The request shows no credentials, or wrong ones."""


class NotAllowed(BideError):
    """A setting does not allow what is asked."""


_CODES: tuple[tuple[type[BideError], int], ...] = (
    (BadBody, 400),
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Gone, 410),
    (BodyTooLarge, 413),
    (AuthoringError, 422),
    (StoreUnavailable, 503),
)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error of Bide that a route raises."""
    app.add_exception_handler(BideError, _answer)


def status_of(error: BideError) -> int:
    """The HTTP status that says `error`."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), 500)


async def _answer(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, NotAuthenticated):
        return JSONResponse(
            {"detail": str(error)},
            status_code=401,
            headers={"WWW-Authenticate": 'Bearer realm="bide", Basic realm="bide", charset="UTF-8"'},
        )
    assert isinstance(error, BideError)
    status = status_of(error)
    headers = {"Retry-After": _RETRY_AFTER} if status == 503 else None
    return JSONResponse({"detail": str(error)}, status_code=status, headers=headers)
