"""The job service as what it is: a process of its own that runs other processes."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager

import job_service
import job_service_client
import pytest

PROGRAMS = {
    "echo": "import json, sys\njson.dump(json.loads(sys.stdin.readline()), sys.stdout)",
    "fail": "import sys\nsys.exit('no luck')",
    # Tells its number through the pipe of its arguments, and lives until its input or the pipe is closed.
    "hang": """
import json, os, sys
place = json.loads(sys.stdin.readline())["fifo"]
with open(place, "w") as out:
    print(os.getpid(), file=out, flush=True)
    sys.stdin.read()
""",
}


class Service:
    def __init__(self, process, url, folder):
        self.process, self.url, self.folder = process, url, folder

    def ask(self, method, path, body=None, **headers):
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def submit(self, program, arguments=None, **headers):
        return self.ask("POST", "/jobs", {"program": program, "arguments": arguments or {}}, **headers)

    def ended(self, job):
        while (found := self.ask("GET", job["status_url"]))["state"] == "running":
            pass
        return found

    def refused(self, *request, **headers):
        with pytest.raises(urllib.error.HTTPError) as raised:
            self.ask(*request, **headers)
        with raised.value as answer:
            return answer.code, json.load(answer)["error"]

    def hang(self, folder):
        """Start the hanging program: the job, and a pipe that ends when the program does."""
        fifo = folder / f"fifo-{os.urandom(4).hex()}"
        os.mkfifo(fifo)
        job = self.submit("hang", {"fifo": str(fifo)})
        pipe = fifo.open()
        assert int(pipe.readline()) > 0
        return job, pipe


@pytest.fixture
def options(tmp_path):
    made = []
    for name, code in PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(code)
        made.append(f"--program={name}={tmp_path / name}.py")
    return made


@contextmanager
def started(folder, options, idle=600):
    command = [sys.executable, job_service.__file__, f"--folder={folder}", f"--idle={idle}", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Service(process, process.stdout.readline().strip(), folder)
        finally:
            process.kill()


@pytest.fixture
def service(tmp_path, options):
    with started(tmp_path / "jobs", options) as found:
        yield found


def test_a_job_runs_and_has_a_result(service):
    job = service.submit("echo", {"n": [1, 2]})
    assert service.ended(job)["state"] == "succeeded"
    assert service.ask("GET", job["result_url"]) == {"n": [1, 2]}


def test_a_job_that_fails_says_why(service):
    job = service.ended(service.submit("fail"))
    assert (job["state"], job["error"]) == ("failed", "no luck")
    assert service.refused("GET", job["result_url"])[0] == 409


def test_one_key_is_one_job(service):
    first = service.submit("echo", **{"Idempotency-Key": "k"})
    assert service.submit("echo", **{"Idempotency-Key": "k"})["id"] == first["id"]
    assert service.submit("echo", **{"Idempotency-Key": "l"})["id"] != first["id"]


def test_a_cancelled_job_ends(service, tmp_path):
    job, pipe = service.hang(tmp_path)
    assert service.ask("DELETE", job["status_url"])["state"] == "cancelled"
    with pipe:
        assert pipe.read() == ""
    assert service.ask("GET", job["status_url"])["state"] == "cancelled"


def test_wrong_requests_are_refused(service):
    assert service.refused("GET", "/jobs/none") == (404, "there is no job none")
    assert service.refused("GET", "/elsewhere")[0] == 404
    assert service.refused("POST", "/jobs", {"program": "rm"}) == (
        400,
        "unknown program 'rm'; there are: echo, fail, hang",
    )
    assert service.refused("POST", "/jobs", [1])[0] == 400
    assert service.refused("POST", "/jobs", {}, **{"Content-Type": "text/plain"})[0] == 415


def test_jobs_end_with_a_killed_service_and_are_known_to_the_next(service, tmp_path, options):
    done = service.ended(service.submit("echo", 7))
    job, pipe = service.hang(tmp_path)
    service.process.kill()
    with pipe:
        assert pipe.read() == ""
    service.process.wait(30)
    with started(service.folder, options) as again:
        assert again.ask("GET", done["result_url"]) == 7
        found = again.ask("GET", job["status_url"])
        assert (found["state"], found["error"]) == ("failed", "the service ended while the job was running")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_and_its_jobs(service, tmp_path, number):
    job, pipe = service.hang(tmp_path)
    service.process.send_signal(number)
    with pipe:
        assert pipe.read() == ""
    # Whoever cancels the job in this moment still gets an answer.
    assert service.ask("DELETE", job["status_url"])["state"] in ("failed", "cancelled")
    assert service.process.wait(30) == 0
    assert job_service_client.running(service.folder) is None


def test_shutdown_waits_for_running_jobs(service, tmp_path):
    job, pipe = service.hang(tmp_path)
    service.ask("POST", "/shutdown")
    assert service.refused("POST", "/jobs", {"program": "echo"})[0] == 503
    with pipe:
        service.ask("DELETE", job["status_url"])
    assert service.process.wait(30) == 0


def test_an_idle_service_ends_by_itself(tmp_path, options):
    with started(tmp_path / "jobs", options, idle=0.2) as service:
        assert service.process.wait(30) == 0


def test_a_folder_has_one_service(service, options):
    with started(service.folder, options) as second:
        assert second.url == ""
        assert second.process.wait(30) != 0
    assert job_service_client.running(service.folder) == service.url


def test_it_is_found_and_ended_by_its_folder(service):
    assert job_service_client.running(service.folder) == service.url
    job_service_client.shut_down(service.folder)
    assert service.process.wait(30) == 0
    assert job_service_client.running(service.folder) is None
    job_service_client.shut_down(service.folder)


def test_an_address_left_behind_is_no_service(service):
    address = (service.folder / job_service.ADDRESS_FILE).read_text()
    service.process.kill()
    service.process.wait(30)
    assert (service.folder / job_service.ADDRESS_FILE).read_text() == address
    assert job_service_client.running(service.folder) is None


def test_another_program_at_the_address_is_no_service(service, tmp_path):
    stale = tmp_path / "elsewhere"
    stale.mkdir()
    (stale / job_service.ADDRESS_FILE).write_text((service.folder / job_service.ADDRESS_FILE).read_text())
    assert job_service_client.running(stale) is None
