"""What routes are given to work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request

from bide.api.auth import Accounts
from bide.api.live import Live
from bide.api.problems import NotAuthenticated
from bide.model.connection_fields import ConnectionFields
from bide.model.errors import NotFound
from bide.model.log_path import LogLayout
from bide.store import Store, Tx
from bide.store.views import Page

T = TypeVar("T")
#: Asks the hook of a connection, outside of this process, whether the service can be reached, and what it says.
TryConnection = Callable[[str, ConnectionFields], Awaitable[tuple[bool, str]]]
#: Rows in one answer at most, whatever is asked.
_MAX_LIMIT = 1000


@dataclass(frozen=True)
class Services:
    """The parts behind the API."""

    store: Store
    live: Live
    accounts: Accounts
    logs: LogLayout
    #: None if users may not.
    try_connection: TryConnection | None = None

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on one snapshot of the store."""
        return await self.store.read(work)

    async def find(self, work: Callable[[Tx], T | None], missing: str) -> T:
        """What `work` finds; :class:`NotFound` with `missing` if that is None."""
        found = await self.store.read(work)
        if found is None:
            raise NotFound(missing)
        return found


def get_services(request: Request) -> Services:
    """The services of the application."""
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(get_services)]


def require_user(request: Request, services: Given) -> str:
    """The user who asks; raises :class:`NotAuthenticated`."""
    user = services.accounts.authenticate(request.headers.get("authorization"))
    if user is None:
        raise NotAuthenticated(
            "log in first: HTTP Basic, or a token of POST /auth/token in `Authorization: Bearer ...`"
        )
    return user


User = Annotated[str, Depends(require_user)]


def get_page(
    limit: Annotated[int, Query(ge=0, description="Rows at most; never more than 1000.")] = 50,
    offset: Annotated[int, Query(ge=0, description="Rows to leave out first.")] = 0,
) -> Page:
    """The part of a list that is asked for."""
    return Page(min(limit, _MAX_LIMIT), offset)


Paged = Annotated[Page, Depends(get_page)]
