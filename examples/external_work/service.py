"""A service that works for others. Jobs take as long as it is told at its start, and those named ``bad...`` fail.

    python service.py [--seconds 2] [--spread 0] [--kafka]

    POST /jobs/ID   starts the job, and answers with its state; a body {"callback_url": URL} has the end told there
    GET  /jobs/ID   {"job_id", "status": running | completed | failed}
    DELETE /jobs/ID ends it, as failed
    GET  /ended     {ID: Unix time of its end}, and how many requests for jobs there were: {"requests", "ended"}

With ``--kafka`` it is a broker as well (the one that the Kafka library has for tests) and does the jobs that are
asked for in the topic ``requests``; their ends are told in the topic ``responses``, as {"job_id", "status"}.

The first line that it prints says where it listens: its URL, and the broker's address. It ends with its standard
input, or by Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Attempts to tell somebody of an end, and the seconds between them.
ATTEMPTS, PAUSE = 5, 1.0

Tell = Callable[[dict[str, str]], None]


class Jobs:
    """All jobs. Methods may be called from any thread."""

    def __init__(self, seconds: float, spread: float = 0.0) -> None:
        self._seconds, self._spread = seconds, spread
        self._lock = threading.Lock()
        self._jobs: dict[str, dict[str, str]] = {}
        #: When each job has ended.
        self.ended: dict[str, float] = {}
        self.requests = 0

    def start(self, job_id: str, tell: Tell | None = None) -> dict[str, str]:
        """Start a job, unless it is running already; at its end `tell` is called."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job["status"] != "running":
                job = self._jobs[job_id] = {"job_id": job_id, "status": "running"}
                seconds = self._seconds + random.uniform(0.0, self._spread)
                worker = threading.Timer(seconds, self.end, (job_id, job_id.startswith("bad"), tell))
                worker.daemon = True
                worker.start()
            return job

    def end(self, job_id: str, failed: bool, tell: Tell | None = None) -> dict[str, str] | None:
        """End a job, if it runs; None if there is no such job."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job["status"] != "running":
                return job
            job["status"] = "failed" if failed else "completed"
            self.ended[job_id] = time.time()
        if tell is not None:
            tell(job)
        return job

    def get(self, job_id: str) -> dict[str, str] | None:
        """How a job is."""
        return self._jobs.get(job_id)


def call(url: str) -> Tell:
    """Tells by POST; tries again if that fails."""

    def tell(job: dict[str, str]) -> None:
        request = urllib.request.Request(url, json.dumps(job).encode(), {"Content-Type": "application/json"})
        for _ in range(ATTEMPTS):
            try:
                urllib.request.urlopen(request, timeout=10).close()
                return
            except OSError as error:
                print(f"{job['job_id']}: nobody could be told: {error}", file=sys.stderr, flush=True)
                time.sleep(PAUSE)

    return tell


class Handler(BaseHTTPRequestHandler):
    """Translates HTTP to calls of :class:`Jobs`."""

    protocol_version = "HTTP/1.1"
    jobs: Jobs

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = json.loads(body).get("callback_url") if body else None
        self.answer(self.jobs.start(self.job_id(), call(url) if url else None))

    def do_GET(self) -> None:
        if self.path == "/ended":
            self.answer({"requests": self.jobs.requests, "ended": self.jobs.ended})
        else:
            self.answer(self.jobs.get(self.job_id()))

    def do_DELETE(self) -> None:
        self.answer(self.jobs.end(self.job_id(), failed=True))

    def job_id(self) -> str:
        """The job that the request is about."""
        self.jobs.requests += 1
        return self.path.removeprefix("/jobs/")

    def answer(self, found: Any) -> None:
        """`found` as JSON, and where to look for it; None is not found."""
        data = json.dumps({"error": f"there is no {self.path}"} if found is None else found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Location", self.path)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing: whoever asks knows what they asked."""


def serve_queue(jobs: Jobs) -> str:
    """Start a broker, do in threads what is asked for there; its address."""
    from confluent_kafka import Consumer, Producer

    producer = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 3})
    for topic in ("requests", "responses"):
        producer.list_topics(topic, timeout=10)  # makes it
    address = ",".join(f"{one.host}:{one.port}" for one in producer.list_topics(timeout=10).brokers.values())
    consumer = Consumer({"bootstrap.servers": address, "group.id": "service", "auto.offset.reset": "earliest"})
    consumer.subscribe(["requests"])

    def tell(job: dict[str, str]) -> None:
        producer.produce("responses", json.dumps(job))
        producer.flush()

    def work() -> None:
        while True:
            message = consumer.poll(1.0)
            if message is not None and message.error() is None:
                jobs.start(json.loads(message.value())["job_id"], tell)

    threading.Thread(target=work, daemon=True).start()
    return address


class Server(ThreadingHTTPServer):
    """Bears many who come at once."""

    request_queue_size = 128
    daemon_threads = True


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(description="Works for others.")
    parser.add_argument("--seconds", type=float, default=2.0, help="what each job takes")
    parser.add_argument("--spread", type=float, default=0.0, help="up to so many seconds more, at random")
    parser.add_argument("--kafka", action="store_true", help="take jobs from a queue as well")
    options = parser.parse_args()
    jobs = Jobs(options.seconds, options.spread)
    server = Server(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"jobs": jobs}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    queue = [serve_queue(jobs)] if options.kafka else []
    print(f"http://127.0.0.1:{server.server_port}", *queue, flush=True)
    try:
        sys.stdin.read()
    except KeyboardInterrupt:
        print("bye", file=sys.stderr)


if __name__ == "__main__":
    main()
