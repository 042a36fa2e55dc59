"""Refuses requests that a web page elsewhere made a browser send.

The server usually listens on the loopback, where every page that the person opens can reach it. A page that points
its own name at 127.0.0.1 (DNS rebinding) shows in the Host header; one that posts across origins shows in the
Origin header.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class GuardHosts:
    """Lets requests through that name an address, localhost or one of `names`, and no other origin."""

    def __init__(self, app: ASGIApp, names: Collection[str] = ()) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        origin = headers.get("origin")
        if not self._known(_name(host)):
            refusal = JSONResponse(
                {"detail": f"unknown host {host!r}: add its name to [api] allowed_hosts"}, status_code=400
            )
        elif origin and scope["method"] not in _SAFE_METHODS and origin.partition("://")[2] != host:
            refusal = JSONResponse({"detail": f"requests from {origin} are not accepted"}, status_code=403)
        else:
            await self._app(scope, receive, send)
            return
        await refusal(scope, receive, send)

    def _known(self, name: str) -> bool:
        # An address can't be pointed elsewhere by a page's owner; only names can.
        return name == "localhost" or name in self._names or _is_address(name)


def _name(host: str) -> str:
    """The host without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
