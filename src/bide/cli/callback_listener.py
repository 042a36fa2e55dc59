"""Callbacks for ``bide run``: a server that starts when the first task asks for a callback URL, and not before."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bide.cli.exit_codes import PortInUse
from bide.cli.listening import base_of, listen
from bide.config.resolved import Config
from bide.store import Store, signals

if TYPE_CHECKING:
    from bide.cli.api_server import ApiServer


class CallbackListener:
    """Listens on the loopback at a port of its own or, with [api] base_url, where the API would."""

    def __init__(self, config: Config, store: Callable[[], Store]) -> None:
        self._config = config
        self._store = store
        self._starting = asyncio.Lock()
        self._base = ""
        self._server: ApiServer | None = None
        self._serving: asyncio.Task[Any] | None = None

    async def address(self) -> str:
        """Where callbacks arrive; the first call opens it. Raises PortInUse and ConfigError."""
        async with self._starting:
            if self._server is None:
                await self._start()
        return self._base

    async def listen_again(self, run_uid: str) -> None:
        """Listen where an earlier engine did, if a URL that it has given may still be called."""
        if await self._store().read(lambda tx: signals.any_open(tx, run_uid)):
            await self.address()

    async def close(self) -> None:
        """Stop; requests under way are answered first."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving

    async def _start(self) -> None:
        api = await asyncio.to_thread(import_module, "bide.cli.api_server")
        listening = self._listen()
        self._base = self._config.settings.api.base_url.rstrip("/") or base_of(listening)
        self._server = api.make_callback_server(self._config, self._store())
        self._serving = asyncio.create_task(self._serve(listening), name="callbacks")

    async def _serve(self, listening: socket.socket) -> None:
        assert self._server is not None
        with contextlib.closing(listening):
            await self._server.serve(sockets=[listening])

    def _listen(self) -> socket.socket:
        settings = self._config.settings.api
        if settings.base_url:
            return listen(settings.host, settings.port)
        # URLs that were given before this engine began should lead here again.
        known = self._config.home / "callback-port"
        with contextlib.suppress(OSError, ValueError, PortInUse):
            return listen("127.0.0.1", int(known.read_text(encoding="utf-8")))
        listening = listen("127.0.0.1", 0)
        known.write_text(f"{listening.getsockname()[1]}\n", encoding="utf-8")
        return listening
