"""The process of ``bide standalone``: an engine and the API's server in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from importlib import import_module
from typing import TYPE_CHECKING, Final

from bide.api.auth import USER, Accounts, ensure_password
from bide.cli.engine_log import log_to_stderr
from bide.cli.exit_codes import ExitCode
from bide.cli.listening import base_of, listen, url_of
from bide.cli.output import say
from bide.config.project import make_home
from bide.config.resolved import Config
from bide.engine.scheduler.scope import Scope
from bide.engine.service import Engine
from bide.observe.clock import SystemClock

if TYPE_CHECKING:
    from bide.cli.api_server import ApiServer

#: Seconds that the first look at the DAG files may hold back the first answer.
_FIRST_PARSE_PATIENCE: Final = 2.0


async def serve(config: Config) -> None:
    """Serve until SIGINT or SIGTERM. Raises :class:`PortInUse` and StoreInUse before anything has begun."""
    make_home(config.home)
    log_to_stderr(config)
    settings = config.settings.api
    with contextlib.closing(listen(settings.host, settings.port)) as listening:
        password_is_new = not config.password_path.exists()
        accounts = Accounts(
            ensure_password(config.password_path), SystemClock(), token_lifetime=settings.token_lifetime_sec
        )
        base = settings.base_url.rstrip("/") or base_of(listening)

        async def address() -> str:
            return base

        async with Engine(config, kind="standalone", address=address) as engine:
            stop = _stop_signals()
            await engine.serve(Scope(), folders=[config.dags_folder])
            # Meanwhile other processes begin to read the DAG files.
            api = await asyncio.to_thread(import_module, "bide.cli.api_server")
            server: ApiServer = api.make_server(config, engine, accounts)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_PARSE_PATIENCE):
                    await engine.first_parse()
            serving = asyncio.create_task(server.serve(sockets=[listening]), name="api")
            stopping = asyncio.create_task(stop.wait(), name="stop")
            _greet(config, listening, password_is_new)
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
            say("stopping: running tasks get a moment to finish (again to stop at once)")
            stopping.cancel()
            server.should_exit = True
            await serving
    say("stopped")


def _stop_signals() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; the second one ends the process at once."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(ExitCode.INTERRUPTED)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    return stop


def _greet(config: Config, listening: socket.socket, password_is_new: bool) -> None:
    host, port = listening.getsockname()[:2]
    base = url_of(host, port)
    made = " (made just now)" if password_is_new else ""
    say(
        f"Bide listens at {base}: API under {base}/api/v2, described at {base}/docs\n"
        f"  DAGs   {config.dags_folder}\n"
        f"  state  {config.home}\n"
        f"  login  user {USER}, password in {config.password_path}{made}:\n"
        f'         curl -u "{USER}:$(cat {config.password_path})" {base}/api/v2/dags'
    )
