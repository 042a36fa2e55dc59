"""A real HTTP server on loopback whose answers a test writes as functions."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit


class Request(NamedTuple):
    """What came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Answer(NamedTuple):
    """What goes out: JSON, unless it is text."""

    status: int
    body: Any = None


#: An answer that begins as JSON, is none, and says that all is well.
GARBAGE = Answer(200, '{"status": <html>')


class FakeServer:
    """Serves until its context ends. A subclass writes :meth:`answer`."""

    def __init__(self) -> None:
        #: All requests so far.
        self.requests: list[Request] = []
        #: How often each path was asked for.
        self.looks: Counter[str] = Counter()
        #: Notified of each request.
        self.news = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._answer))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, request: Request) -> Answer:
        """The answer to one request; called for one at a time."""
        raise NotImplementedError

    def hold(self, request: Request) -> None:
        """Called before the answer; others are answered while it has not returned."""

    def _answer(self, request: Request) -> Answer:
        with self.news:
            self.requests.append(request)
            self.looks[request.path] += 1
            self.news.notify_all()
        self.hold(request)
        with self.news:
            return self.answer(request)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _kind(told: Any) -> str:
    return "text/plain" if isinstance(told, str) and not told.startswith("{") else "application/json"


def _handler(answer: Callable[[Request], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            request = Request(
                self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers.items()), body
            )
            status, told = answer(request)
            data = (told if isinstance(told, str) else json.dumps(told)).encode()
            self.send_response(status)
            self.send_header("Content-Type", _kind(told))
            self.send_header("Content-Length", str(len(data)))
            # Who asked may have been killed meanwhile.
            with suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(data)

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
