"""The process of ``bide standalone``: an engine and the API's server in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from importlib import import_module
from typing import TYPE_CHECKING, Final

from bide.api.auth import USER, Accounts, ensure_password
from bide.cli.engine_log import log_to_stderr
from bide.cli.listening import base_of, listen, url_of
from bide.cli.output import say
from bide.cli.stop_signals import stop_signals, until_stop
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
        accounts = make_accounts(config)
        base = settings.base_url.rstrip("/") or base_of(listening)

        async def address() -> str:
            return base

        async with Engine(config, kind="standalone", address=address) as engine:
            stop = stop_signals()
            await engine.serve(Scope(), folders=[config.dags_folder])
            # Meanwhile other processes begin to read the DAG files.
            api = await asyncio.to_thread(import_module, "bide.cli.api_server")
            server: ApiServer = api.make_server(config, engine.store, accounts, engine)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_PARSE_PATIENCE):
                    await engine.first_parse()
            serving = asyncio.create_task(server.serve(sockets=[listening]), name="api")
            greet(config, listening, password_is_new)
            lost = await until_stop(stop, lost=engine.lost(), serving=serving)
            server.should_exit = True
            await serving
            if lost is not None:
                await engine.close(grace=0)
                raise lost
    say("stopped")


def make_accounts(config: Config) -> Accounts:
    """Who may use the API; the password is made if there is none."""
    lifetime = config.settings.api.token_lifetime_sec
    return Accounts(ensure_password(config.password_path), SystemClock(), token_lifetime=lifetime)


def greet(config: Config, listening: socket.socket, password_is_new: bool) -> None:
    """Say where the API listens, and how to log in."""
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
