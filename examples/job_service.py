"""A small job service: runs programs for whoever asks over HTTP. It stands in for Spark, Glue and Airbyte.

    python job_service.py --folder DIR --program NAME=PATH [--idle SECONDS]

    POST   /jobs             {"program": NAME, "arguments": {...}} starts a process: 201, Location: /jobs/ID
    GET    /jobs/ID          {"id", "state": running | succeeded | failed | cancelled, "error", ...}
    GET    /jobs/ID/result   what the program wrote on its standard output, once it has succeeded
    DELETE /jobs/ID          cancels it
    POST   /shutdown         ends the service once no job is running
    GET    /health           {"folder": DIR}

Two POSTs with one ``Idempotency-Key`` are one job. A program reads its arguments as one line of JSON from
standard input, writes its result as JSON to standard output and stops when standard input is closed, so that
no job outlives the service. Only the programs of the command line can be run.

The service listens on a free port of the loopback interface and writes its address to DIR/service.json. Jobs
and results are files in DIR too: a service started again in the same folder knows them. It ends by itself
when for `--idle` seconds nobody has asked it anything and no job has run.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: Seconds without a request and without a job after which the service ends.
IDLE_LIMIT = 60.0
#: Seconds between asking a cancelled program to end and killing it.
GRACE = 5.0
#: Seconds for which a service that was told to end by a signal, and has ended its jobs, waits for whoever wants to
#: cancel one of them in the same moment: they would else not know what became of it.
FAREWELL = 5.0
MAX_BODY = 1_000_000  # bytes
ADDRESS_FILE = "service.json"


class Refusal(Exception):
    """A request that can't be served; becomes an HTTP status and a message."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Stopped(BaseException):
    """A signal told the service to end."""


class JobService:
    """The jobs of one folder. All methods may be called from any thread."""

    def __init__(self, folder: Path, programs: dict[str, Path], idle_limit: float = IDLE_LIMIT) -> None:
        self._folder = folder
        self._programs = programs
        self._idle_limit = idle_limit
        self._changed = threading.Condition()
        self._jobs: dict[str, dict[str, Any]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        #: Jobs that this service has ended by itself.
        self._orphaned: set[str] = set()
        self._closing = False
        self._last_use = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("job-*.json"):
            job = json.loads(file.read_text())
            self._jobs[job["id"]] = job
            if job["state"] == "running":
                self._store(job, state="failed", error="the service ended while the job was running")

    def submit(self, program: str, arguments: object, key: str | None) -> dict[str, Any]:
        """Start a job, or find the one that was started with the same `key`."""
        path = self._programs.get(program)
        if path is None:
            known = ", ".join(sorted(self._programs))
            raise Refusal(HTTPStatus.BAD_REQUEST, f"unknown program {program!r}; there are: {known}")
        with self._changed:
            for job in self._jobs.values():
                if key is not None and job["key"] == key:
                    return job
            if self._closing:
                raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the service is shutting down")
            job = {"id": uuid.uuid4().hex, "program": program, "key": key}
            self._jobs[job["id"]] = job
            self._store(job, state="running", error="")
            process = self._running[job["id"]] = self._spawn(job["id"], path)
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended already: its state says how
            process.stdin.write(json.dumps(arguments).encode() + b"\n")
        # Not before, since it closes what was just written to.
        threading.Thread(target=self._watch, args=(job, process), daemon=True).start()
        return job

    def get(self, job_id: str) -> dict[str, Any]:
        """The job's state."""
        with self._changed:
            try:
                return self._jobs[job_id]
            except KeyError:
                raise Refusal(HTTPStatus.NOT_FOUND, f"there is no job {job_id}") from None

    def result(self, job_id: str) -> bytes:
        """What a job wrote, if it has succeeded."""
        job = self.get(job_id)
        if job["state"] != "succeeded":
            raise Refusal(HTTPStatus.CONFLICT, f"job {job_id} is {job['state']}: it has no result")
        return self._output(job_id).read_bytes()

    def cancel(self, job_id: str) -> dict[str, Any]:
        """End a job, if it is still running."""
        job = self.get(job_id)
        with self._changed:
            process = self._running.get(job_id)
            if process is not None:
                self._store(job, state="cancelled", error="cancelled on request")
            self._orphaned.discard(job_id)
            self._changed.notify_all()
        if process is not None:
            _end(process)
        return job

    def shut_down(self) -> None:
        """Take no more jobs, and end once none is running."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def touch(self) -> None:
        """Note that somebody is there."""
        with self._changed:
            self._last_use = time.monotonic()

    def wait_until_done(self) -> None:
        """Return when the service was asked to end, or has been idle for its limit."""
        with self._changed:
            while True:
                idle_left = self._last_use + self._idle_limit - time.monotonic()
                if not self._running and (self._closing or idle_left <= 0):
                    return
                self._changed.wait(None if self._running else idle_left)

    def abandon_all(self) -> None:
        """Take no more jobs and end those that run, then wait a little for their owners to cancel them."""
        self.shut_down()
        with self._changed:
            running = dict(self._running)
            self._orphaned = set(running)
        for process in running.values():
            _end(process)
        with self._changed:
            self._changed.wait_for(lambda: not self._orphaned, FAREWELL)

    def _spawn(self, job_id: str, program: Path) -> subprocess.Popen[bytes]:
        with self._output(job_id).open("wb") as out, (self._folder / f"log-{job_id}.txt").open("wb") as err:
            return subprocess.Popen(
                [sys.executable, str(program)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                bufsize=0,
                start_new_session=True,
            )

    def _watch(self, job: dict[str, Any], process: subprocess.Popen[bytes]) -> None:
        status = process.wait()
        assert process.stdin is not None
        process.stdin.close()
        with self._changed:
            if job["state"] == "running" and status == 0:
                self._store(job, state="succeeded")
            elif job["state"] == "running":
                lines = (self._folder / f"log-{job['id']}.txt").read_text(errors="replace").splitlines()
                self._store(job, state="failed", error=lines[-1] if lines else f"exit status {status}")
            del self._running[job["id"]]
            self._last_use = time.monotonic()
            self._changed.notify_all()

    def _store(self, job: dict[str, Any], **changes: str) -> None:
        job.update(changes)
        write_atomically(self._folder / f"job-{job['id']}.json", json.dumps(job))

    def _output(self, job_id: str) -> Path:
        return self._folder / f"result-{job_id}.json"


class Handler(BaseHTTPRequestHandler):
    """Translates HTTP to calls of :class:`JobService`."""

    #: Seconds for which a connection may be silent; each carries one request.
    timeout = 10.0
    service: JobService
    folder: Path

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Say nothing: whoever asks knows what they asked."""

    def _answer(self) -> None:
        self.service.touch()
        try:
            status, body, location = self._route()
        except Refusal as refusal:
            status, body, location = refusal.status, _json({"error": str(refusal)}), None
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def _route(self) -> tuple[HTTPStatus, bytes, str | None]:
        match self.command, *self.path.strip("/").split("/"):
            case ["POST", "jobs"]:
                order = self._read_json()
                job = self.service.submit(
                    order.get("program", ""), order.get("arguments", {}), self.headers.get("Idempotency-Key")
                )
                return HTTPStatus.CREATED, _json(_shown(job)), f"/jobs/{job['id']}"
            case ["GET", "jobs", job_id]:
                return HTTPStatus.OK, _json(_shown(self.service.get(job_id))), None
            case ["GET", "jobs", job_id, "result"]:
                return HTTPStatus.OK, self.service.result(job_id), None
            case ["DELETE", "jobs", job_id]:
                return HTTPStatus.OK, _json(_shown(self.service.cancel(job_id))), None
            case ["POST", "shutdown"]:
                self.service.shut_down()
                return HTTPStatus.ACCEPTED, _json({}), None
            case ["GET", "health"]:
                return HTTPStatus.OK, _json({"folder": str(self.folder)}), None
            case _:
                raise Refusal(HTTPStatus.NOT_FOUND, f"there is no {self.command} {self.path}")

    def _read_json(self) -> dict[str, Any]:
        # Also keeps web pages out: a browser asks before it sends this type to another origin.
        if self.headers.get_content_type() != "application/json":
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send Content-Type: application/json")
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_BODY:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY} bytes")
        try:
            order = json.loads(self.rfile.read(length))
        except ValueError as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from None
        if not isinstance(order, dict):
            raise Refusal(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
        return order


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for the answers that are under way


def serve(service: JobService, folder: Path) -> ThreadingHTTPServer:
    """Listen in a thread; the address is in the returned server and in the folder's address file."""
    handler = type("BoundHandler", (Handler,), {"service": service, "folder": folder})
    server = _Server(("127.0.0.1", 0), handler)
    url = f"http://127.0.0.1:{server.server_port}"
    write_atomically(folder / ADDRESS_FILE, json.dumps({"url": url, "pid": os.getpid()}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def write_atomically(path: Path, text: str) -> None:
    """Write `text` so that nobody sees a part of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    place = f"/jobs/{job['id']}"
    return {**job, "status_url": place, "result_url": f"{place}/result"}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def main() -> None:
    """Run the service until it is done."""
    parser = argparse.ArgumentParser(description="Runs programs for whoever asks over HTTP.")
    parser.add_argument("--folder", type=Path, required=True, help="where jobs and results are kept")
    parser.add_argument("--program", action="append", required=True, metavar="NAME=PATH")
    parser.add_argument("--idle", type=float, default=IDLE_LIMIT, help="seconds of rest before it ends")
    options = parser.parse_args()
    programs = {name: Path(path) for name, _, path in (entry.partition("=") for entry in options.program)}
    folder: Path = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "service.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"another service is running in {folder}")
        _run(JobService(folder, programs, options.idle), folder)


def _run(service: JobService, folder: Path) -> None:
    def stop(*_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # once is enough
        raise Stopped

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server = serve(service, folder)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    try:
        service.wait_until_done()
    except Stopped:
        service.abandon_all()
    finally:
        server.shutdown()
        server.server_close()
        (folder / ADDRESS_FILE).unlink()


if __name__ == "__main__":
    main()
