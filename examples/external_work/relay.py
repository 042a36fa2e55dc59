"""Takes callbacks and sets the states of tasks over the REST API: what a callback needs without Bide's own URLs.

    python relay.py --api http://127.0.0.1:8080 --password-file .bide/password [--port 9002]

``POST /DAG/RUN/TASK/MAP_INDEX`` with {"status": completed | failed} marks that task as success or failed. The first
line that it prints says where it listens. It ends with its standard input, or by Ctrl-C.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

STATES = {"completed": "success", "failed": "failed"}


class Handler(BaseHTTPRequestHandler):
    """One callback, one request to the API."""

    api: str
    password_file: Path

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        # Still as they were quoted.
        dag_id, run_id, task_id, map_index = self.path.strip("/").split("/")
        url = f"{self.api}/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/{map_index}"
        login = base64.b64encode(f"admin:{self.password_file.read_text().strip()}".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {login}"}
        body = json.dumps({"new_state": STATES[told["status"]]}).encode()
        try:
            urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PATCH"), timeout=30).close()
        except OSError as error:
            # Whoever has called may call again.
            self.send_error(502, str(error))
        else:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Bears many who come at once."""

    request_queue_size = 128
    daemon_threads = True


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(description="Sets states of tasks for those who call back.")
    parser.add_argument("--api", required=True, help="where Bide listens")
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="where to listen; by default a free port")
    options = parser.parse_args()
    bound = {"api": options.api, "password_file": options.password_file}
    server = Server(("127.0.0.1", options.port), type("BoundHandler", (Handler,), bound))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    try:
        sys.stdin.read()
    except KeyboardInterrupt:
        print("bye", file=sys.stderr)


if __name__ == "__main__":
    main()
