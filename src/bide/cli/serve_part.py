"""The processes of ``bide scheduler``, ``triggerer``, ``dag-processor`` and ``api-server``: one part each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from bide.cli.engine_log import log_to_stderr
from bide.cli.listening import listen
from bide.cli.output import say
from bide.cli.stop_signals import stop_signals, until_stop
from bide.config.project import make_home
from bide.config.resolved import Config
from bide.engine.membership import open_store
from bide.engine.parts import Part
from bide.engine.scheduler.scope import Scope
from bide.engine.service import Engine
from bide.model.errors import ConfigError
from bide.observe.clock import SystemClock

if TYPE_CHECKING:
    from bide.cli.api_server import ApiServer


def check_shared(config: Config, command: str) -> None:
    """Raise ConfigError unless several processes may serve the store."""
    if not config.is_shared:
        raise ConfigError(
            f"bide {command} runs one part beside others, and the store {config.shown_store} is an SQLite file, "
            "which one engine at a time uses: run `bide standalone`, which is all parts in one process, or set "
            "[store] url to a PostgreSQL database (postgresql://USER@HOST/DATABASE)"
        )


async def serve_part(config: Config, part: Part, *, queues: Sequence[str] | None = None) -> None:
    """Serve `part` until SIGINT or SIGTERM. Raises SessionLost if others have taken over what it had."""
    check_shared(config, part)
    make_home(config.home)
    log_to_stderr(config)
    async with Engine(config, kind=part, queues=queues) as engine:
        stop = stop_signals()
        folders = [config.dags_folder] if part is Part.DAG_PROCESSOR else []
        await engine.serve(Scope(), folders=folders, parts={part})
        say(f"bide {part} serves {config.shown_store}" + (f", queues {', '.join(queues)}" if queues else ""))
        lost = await until_stop(stop, lost=engine.lost())
        if lost is not None:
            await engine.close(grace=0)
            raise lost
    say("stopped")


async def serve_api(config: Config) -> None:
    """Serve the REST API until SIGINT or SIGTERM. Raises PortInUse."""
    from bide.cli.serve import greet, make_accounts

    check_shared(config, "api-server")
    make_home(config.home)
    log_to_stderr(config)
    with contextlib.closing(listen(config.settings.api.host, config.settings.api.port)) as listening:
        password_is_new = not config.password_path.exists()
        accounts = make_accounts(config)
        store = await asyncio.to_thread(open_store, config, SystemClock())
        try:
            store.hear()
            stop = stop_signals()
            api = await asyncio.to_thread(import_module, "bide.cli.api_server")
            server: ApiServer = api.make_server(config, store, accounts)
            serving = asyncio.create_task(server.serve(sockets=[listening]), name="api")
            greet(config, listening, password_is_new)
            await until_stop(stop, serving=serving)
            server.should_exit = True
            await serving
        finally:
            await store.close()
    say("stopped")
