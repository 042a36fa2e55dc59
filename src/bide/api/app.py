"""The application that serves the REST API."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Final

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse

from bide.api.auth import Accounts
from bide.api.hosts import GuardHosts
from bide.api.live import Live
from bide.api.problems import add_error_handlers
from bide.api.routes import (
    assets,
    backfills,
    callbacks,
    changes,
    connections,
    dag_runs,
    dags,
    deadlines,
    import_errors,
    login,
    logs,
    monitor,
    pools,
    questions,
    signals,
    task_instances,
    variables,
    waits,
    xcoms,
)
from bide.api.services import Services, TryConnection, require_user
from bide.model.log_path import LogLayout
from bide.observe.masking import mask
from bide.store import Store

PREFIX: Final = "/api/v2"
_log = logging.getLogger(__name__)

#: Routers whose routes need a login. Paths of `logs` and `xcoms` come before those of `task_instances`, whose
#: map index would take their last part.
_FOR_USERS: Final = (
    assets,
    dags,
    backfills,
    dag_runs,
    changes,
    logs,
    questions,
    signals,
    xcoms,
    task_instances,
    import_errors,
    pools,
    waits,
    variables,
    connections,
    deadlines,
)


def create_app(
    store: Store,
    *,
    live: Live,
    accounts: Accounts,
    logs: LogLayout,
    host_names: Collection[str] = (),
    try_connection: TryConnection | None = None,
) -> FastAPI:
    """The API over `store`. `host_names` may stand in a request's Host header besides addresses and localhost.

    Without `try_connection` no connections are tested.
    """
    app = FastAPI(
        title="Bide",
        version=monitor.VERSION,
        description="Paths, names and shapes follow Airflow 3's REST API v2 where it has the same.",
        openapi_url="/openapi.json",
        docs_url="/docs",
        redoc_url=None,
    )
    app.state.callback_store = store
    app.state.services = Services(store, live, accounts, logs, try_connection)
    app.add_middleware(GuardHosts, names=tuple(host_names))
    add_error_handlers(app)
    app.add_exception_handler(Exception, _internal_error)
    app.add_api_route("/", _root, include_in_schema=False)
    app.include_router(login.router)
    app.include_router(callbacks.router)
    app.include_router(monitor.router, prefix=PREFIX)
    for module in _FOR_USERS:
        app.include_router(module.router, prefix=PREFIX, dependencies=[Depends(require_user)])
    return app


def create_callback_app(store: Store, *, host_names: Collection[str] = ()) -> FastAPI:
    """Nothing but callbacks, for an engine that serves no API."""
    app = FastAPI(title="Bide callbacks", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.callback_store = store
    app.add_middleware(GuardHosts, names=tuple(host_names))
    add_error_handlers(app)
    app.add_exception_handler(Exception, _internal_error)
    app.include_router(callbacks.router)
    return app


async def _root() -> RedirectResponse:
    """Who opens the server's address in a browser sees what there is."""
    return RedirectResponse("/docs")


async def _internal_error(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, mask(request.url.path), exc_info=error)
    return JSONResponse({"detail": "internal error; the server's log has the traceback"}, status_code=500)
