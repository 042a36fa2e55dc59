"""One HTTP client for all jobs of an event loop: they share connections, and nothing else."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import import_module
from typing import Any, Final
from weakref import WeakKeyDictionary

import httpx

from bide.standard.http.job import told

#: What httpx imports at the first request, in the midst of the event loop, unless it is there already.
_LATE_IMPORTS: Final = ("httpcore._backends.anyio", "anyio._backends._asyncio")


class SharedClient:
    """The client of one event loop for one scheme, open while somebody holds it."""

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme
        self._opening: asyncio.Future[httpx.AsyncClient] | None = None
        self._holders = 0

    def hold(self) -> None:
        """Keep the client open until :meth:`release`."""
        self._holders += 1

    async def get(self) -> httpx.AsyncClient:
        """The client, for one who holds it."""
        if self._opening is None:
            # Imports and certificates take a good part of a second, in which others want to run.
            self._opening = asyncio.ensure_future(asyncio.to_thread(_open, self._scheme))
        return await asyncio.shield(self._opening)

    async def release(self) -> None:
        """The counterpart of one :meth:`hold`."""
        self._holders -= 1
        if self._holders == 0 and self._opening is not None:
            opening, self._opening = self._opening, None
            client = await opening
            await client.aclose()


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SharedClient]] = WeakKeyDictionary()


def shared_client(url: str) -> SharedClient:
    """The client of the running event loop for URLs like `url`."""
    scheme = httpx.URL(url).scheme
    return _clients.setdefault(asyncio.get_running_loop(), {}).setdefault(scheme, SharedClient(scheme))


class ServiceClient:
    """Requests of one owner, over the shared client of the event loop that they are made in."""

    def __init__(self) -> None:
        self._held: SharedClient | None = None

    async def request(self, method: str, url: str, *, seconds: float, **options: Any) -> httpx.Response:
        """One request, of `seconds` at most; raises JobAnswerError if it has no answer."""
        if self._held is None:
            self._held = shared_client(url)
            self._held.hold()
        client = await self._held.get()
        with told(method, url):
            return await client.request(method, url, timeout=timeouts(seconds), **options)

    async def release(self) -> None:
        """Let go of the client, which is closed when nobody holds it."""
        held, self._held = self._held, None
        if held is not None:
            await held.release()


def tls_for(scheme: str) -> ssl.SSLContext | bool:
    """What httpx is to trust for URLs with `scheme`: without TLS nobody, which spares reading certificates."""
    return True if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def timeouts(seconds: float) -> httpx.Timeout:
    """Limits of one request; waiting for a free connection has none, since thousands may look at once."""
    return httpx.Timeout(seconds, pool=None)


def _open(scheme: str) -> httpx.AsyncClient:
    for name in _LATE_IMPORTS:
        with suppress(ImportError):  # another release of httpx may do without it
            import_module(name)
    return httpx.AsyncClient(
        verify=tls_for(scheme),
        # Jobs of different owners meet here: one's cookies must not travel with another's requests.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
    )
