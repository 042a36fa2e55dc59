"""A server that plays Snowflake over TLS: fakesnow for its drivers, and the SQL API on the same data.

``python -m tests.support.snowflake_server CERTIFICATE`` prints its port and serves until its standard input ends. A
statement of the SQL API is under way until the third look at it, and is really run then; one with the word
``forever`` goes on until it is cancelled. ``GET /told`` has the statements by what became of them.
"""

from __future__ import annotations

import os
import sys
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn
from fakesnow.server import app, shared_fs
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

LOOKS: Final = 3
_PATH: Final = "/api/v2/statements"


@dataclass
class Statement:
    """One statement of the SQL API."""

    sql: str
    body: dict[str, Any]
    looks: int = 0
    answer: tuple[int, dict[str, Any]] | None = None
    cancelled: bool = False
    handle: str = field(default_factory=lambda: str(uuid.uuid4()))

    def run(self) -> tuple[int, dict[str, Any]]:
        """The status and the answer."""
        if self.cancelled:
            return 422, {"code": "000604", "message": "SQL execution canceled", "statementHandle": self.handle}
        try:
            with shared_fs.connect(self.body.get("database"), self.body.get("schema")) as conn:
                rows = conn.cursor().execute(self.sql).fetchall()
        except Exception as error:
            return 422, {"code": "002003", "message": str(error), "statementHandle": self.handle}
        data = [[None if value is None else str(value) for value in row] for row in rows]
        told = {"code": "090001", "message": "Statement executed successfully.", "statementHandle": self.handle}
        return 200, {**told, "data": data, "resultSetMetaData": {"numRows": len(data)}}


_statements: dict[str, Statement] = {}


async def submit(request: Request) -> JSONResponse:
    """``POST /api/v2/statements``."""
    if not request.headers.get("authorization", "").startswith("Bearer "):
        return JSONResponse({"code": "390303", "message": "Invalid OAuth access token."}, 401)
    body = await request.json()
    made = [Statement(sql, body) for sql in body["statement"].split(";") if sql.strip()]
    _statements.update({one.handle: one for one in made})
    told = {"code": "333334", "message": "Asynchronous execution in progress.", "statementHandle": made[0].handle}
    if len(made) > 1:
        told["statementHandles"] = [one.handle for one in made]
    return JSONResponse(told, 202)


def look(request: Request) -> JSONResponse:
    """``GET /api/v2/statements/HANDLE``."""
    found = _statements[request.path_params["handle"]]
    found.looks += 1
    if (found.looks < LOOKS or "forever" in found.sql) and not found.cancelled:
        return JSONResponse({"code": "333334", "message": "in progress", "statementHandle": found.handle}, 202)
    found.answer = found.answer or found.run()
    return JSONResponse(found.answer[1], found.answer[0])


def cancel(request: Request) -> JSONResponse:
    """``POST /api/v2/statements/HANDLE/cancel``."""
    found = _statements[request.path_params["handle"]]
    found.cancelled = True
    return JSONResponse({"code": "000604", "message": "canceled", "statementHandle": found.handle})


def tell(request: Request) -> JSONResponse:
    """``GET /told``: what the tests ask."""
    return JSONResponse({one.sql: "cancelled" if one.cancelled else one.looks for one in _statements.values()})


def main() -> None:
    """Serve until the standard input ends."""
    app.router.routes += [
        Route("/told", tell, methods=["GET"]),
        Route(_PATH, submit, methods=["POST"]),
        Route(f"{_PATH}/{{handle}}", look, methods=["GET"]),
        Route(f"{_PATH}/{{handle}}/cancel", cancel, methods=["POST"]),
    ]
    config = uvicorn.Config(app, "127.0.0.1", 0, log_level="error", ssl_certfile=sys.argv[1])
    socket = config.bind_socket()
    server = uvicorn.Server(config)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print(socket.getsockname()[1], flush=True)
    server.run(sockets=[socket])


if __name__ == "__main__":
    main()
