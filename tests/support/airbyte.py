"""The part of Airbyte's API that runs jobs, in the shapes that its own SDK reads."""

from __future__ import annotations

from typing import Any

from tests.support.fake_server import GARBAGE, Answer, FakeServer, Request

LOGIN = "the-client"
PASSWORD = "the-client-secret"
#: Any other word is `running`, so that connections can have names.
_STATES = ("pending", "running", "incomplete", "failed", "succeeded", "cancelled", "garbage")


class Airbyte(FakeServer):
    """A sync of connection ``running-503-succeeded`` is in these states, one a look, and stays in the last.

    A number is an error, ``garbage`` an answer that is no JSON.
    """

    def __init__(self) -> None:
        super().__init__()
        #: States that are to come, by job.
        self.jobs: dict[int, list[str]] = {}
        self.connections: dict[int, str] = {}
        self.cancelled: list[int] = []

    def connection(self, **fields: str) -> dict[str, Any]:
        """The fields of an Airflow connection to it."""
        return {"conn_type": "airbyte", "host": self.url, "login": LOGIN, "password": PASSWORD, **fields}

    def add(self, connection_id: str) -> int:
        """Begin a job; its number."""
        number = 101 + len(self.jobs)
        self.connections[number] = connection_id
        self.jobs[number] = connection_id.split("-")
        return number

    def looks_at(self, connection_id: str) -> int:
        """How often the job of a connection was looked at."""
        number = next(job for job, one in self.connections.items() if one == connection_id)
        return sum(one.method == "GET" and one.path == f"/jobs/{number}" for one in self.requests)

    def answer(self, request: Request) -> Answer:
        if request.path == "/health":
            return Answer(200, "Successful operation")
        if request.path == "/v1/applications/token":
            right = f"client_id={LOGIN}&client_secret={PASSWORD}" in request.body
            token = {"access_token": "a-token", "token_type": "Bearer", "expires_in": 900}
            return Answer(200, token) if right else Answer(401, {"message": "who are you?"})
        if request.headers.get("Authorization", request.headers.get("authorization")) != "Bearer a-token":
            return Answer(401, {"message": "no token"})
        if request.method == "POST":
            return self._job(self.add(request.json["connectionId"]))
        if request.path == "/jobs":
            return Answer(200, {"data": [self._told(number, states[0]) for number, states in self.jobs.items()]})
        number = int(request.path.rpartition("/")[2])
        if number not in self.jobs:
            return Answer(404, {"status": 404, "title": "resource-not-found"})
        if request.method == "DELETE":
            self.cancelled.append(number)
            self.jobs[number] = ["cancelled"]
        return self._job(number)

    def _job(self, number: int) -> Answer:
        states = self.jobs[number]
        state = states.pop(0) if len(states) > 1 else states[0]
        if not state.isdecimal() and state not in _STATES:
            state = "running"
        if state == "garbage":
            return GARBAGE
        if state.isdecimal():
            return Answer(int(state), {"status": int(state), "title": "a-fault", "detail": f"the fault {state}"})
        return Answer(200, self._told(number, state))

    def _told(self, number: int, state: str) -> dict[str, Any]:
        return {
            "jobId": number,
            "status": state,
            "jobType": "sync",
            "startTime": "2024-05-06T07:08:09Z",
            "connectionId": self.connections[number],
        }
