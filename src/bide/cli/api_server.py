"""The API's server, in the loop of an engine or alone. Imported while an engine starts, since that takes long."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from bide.api.app import create_app, create_callback_app
from bide.api.auth import Accounts
from bide.api.services import TryConnection
from bide.cli.connection_trial import try_connection
from bide.cli.engine_live import EngineLive
from bide.cli.shared_live import SharedLive
from bide.config.resolved import Config
from bide.engine.service import Engine
from bide.model.connection_fields import ConnectionFields
from bide.model.log_path import LogLayout
from bide.observe.clock import SystemClock
from bide.store import Store

#: Seconds that requests under way get when the server stops.
_REQUESTS_GRACE: Final = 5
#: Seconds that an idle connection is kept: longer than clients keep theirs, so that none is closed under a request.
_KEEP_ALIVE: Final = 75
#: Seconds that the test of a connection may take.
_TRIAL_PATIENCE: Final = 30.0


class ApiServer(uvicorn.Server):
    """Serves the API of an engine; leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """The loop has its own handlers."""
        yield


def make_server(config: Config, store: Store, accounts: Accounts, engine: Engine | None = None) -> ApiServer:
    """The server over `store`; `engine` is the one of this process, if there is one, and serves already."""
    live = SharedLive(config, store) if store.is_shared or engine is None else EngineLive(engine, SystemClock())
    app = create_app(
        store,
        live=live,
        accounts=accounts,
        logs=LogLayout(config.logs_root, config.settings.logging.log_filename_template),
        host_names=host_names(config),
        try_connection=_trials(config) if config.settings.core.test_connection == "enabled" else None,
    )
    return serve_app(app)


def _trials(config: Config) -> TryConnection:
    one_at_a_time = asyncio.Lock()

    async def trial(conn_id: str, fields: ConnectionFields) -> tuple[bool, str]:
        async with one_at_a_time:
            return await try_connection(config, conn_id, fields, _TRIAL_PATIENCE)

    return trial


def make_callback_server(config: Config, store: Store) -> ApiServer:
    """A server for nothing but callbacks."""
    return serve_app(create_callback_app(store, host_names=host_names(config)))


def host_names(config: Config) -> list[str]:
    """What a request's Host header may name besides addresses and localhost."""
    settings = config.settings.api
    base = urlsplit(settings.base_url).hostname
    return [settings.host, socket.gethostname(), *([base] if base else []), *settings.allowed_hosts]


def serve_app(app: FastAPI) -> ApiServer:
    """The server of `app`."""
    return ApiServer(
        uvicorn.Config(
            app,
            log_config=None,
            # Paths of callbacks hold a secret.
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_REQUESTS_GRACE,
            timeout_keep_alive=_KEEP_ALIVE,
        )
    )
