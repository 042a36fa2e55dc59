"""The part of Databricks' API that runs jobs and statements, in the shapes that its own SDK reads.

What happens to a task is in the name of what it runs, what happens to a statement in its last word:
``running-503-success`` is running at the first look, the second look is answered with an error, and from the third
on it has succeeded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tests.support.fake_server import GARBAGE, Answer, FakeServer, Request

TOKEN: Final = "dapi-the-token"
#: Short names of plans.
PLANS: Final = {
    "succeeds": "pending-running-running-running-running-success",
    "fails": "pending-running-running-running-running-failed",
    "goes_on": "running",
}
_STATES: Final = {
    "pending": ("PENDING", ""),
    "running": ("RUNNING", ""),
    "success": ("TERMINATED", "SUCCESS"),
    "failed": ("TERMINATED", "FAILED"),
    "canceled": ("TERMINATED", "CANCELED"),
    "broken": ("INTERNAL_ERROR", "FAILED"),
}
_STATEMENT_STATES: Final = {"success": "SUCCEEDED"}
_REASONS: Final = {"failed": "Task main failed with message: Workload failed", "canceled": "Run cancelled."}


@dataclass
class Work:
    """A task of a run, or a statement."""

    number: int
    key: str
    name: str
    plan: list[str]
    #: What it was at the last look.
    seen: str = "pending"
    looks: int = 0

    def look(self) -> str:
        """The word of this look; the last one stays."""
        self.looks += 1
        self.seen = self.plan.pop(0) if len(self.plan) > 1 else self.plan[0]
        return self.seen

    def cancel(self) -> None:
        """It has ended when it is looked at next, if it hasn't already."""
        if self.seen in ("pending", "running") or self.seen not in _STATES:
            self.plan = ["canceled"]


@dataclass
class Run:
    """One run of a job, or of tasks that were submitted."""

    number: int
    body: dict[str, Any]
    settings: dict[str, Any]
    job_id: int
    tasks: list[Work] = field(default_factory=list)


class Databricks(FakeServer):
    """Knows the jobs 1 (succeeds), 2 (fails) and 3 (goes on)."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs = {number: _job(plan) for number, plan in enumerate(PLANS, 1)}
        self.runs: dict[int, Run] = {}
        self.statements: dict[str, Work] = {}
        #: All that has ever begun.
        self.work: list[Work] = []
        #: The bodies of requests that began runs, by run.
        self.begun: dict[int, dict[str, Any]] = {}
        self.cancelled: list[int] = []
        self.cancelled_statements: list[str] = []

    def connection(self, **extra: Any) -> dict[str, Any]:
        """The fields of an Airflow connection to it."""
        host, port = self.url.removeprefix("http://").split(":")
        fields = {"conn_type": "databricks", "host": host, "port": int(port), "schema": "http", "password": TOKEN}
        return {**fields, "extra": extra}

    def is_cancelled(self, run_id: int) -> bool:
        """Whether a run was cancelled, as a whole or by the number of its task."""
        return any(
            number in self.cancelled for number in (run_id, *(one.number for one in self.runs[run_id].tasks))
        )

    def looked_at(self, plan: str) -> list[int]:
        """How often each task and statement with this plan was looked at, in the order in which they began."""
        return [one.looks for one in self.work if one.name == plan]

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/.well-known/"):
            return _error(404, "ENDPOINT_NOT_FOUND", "No such file.")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(403, "403", "Invalid access token.")
        version, _, path = request.path.removeprefix("/api/").partition("/")
        given = request.json if request.body.startswith("{") else request.query
        if path.startswith("sql/statements") and version == "2.0":
            return self._statement(path.split("/")[2:], given)
        if path == "clusters/spark-versions":
            return Answer(200, {"versions": [{"key": "16.4.x-scala2.12", "name": "16.4 LTS"}]})
        if path.startswith("jobs/runs/") and version == "2.2":
            return self._of_runs(path.removeprefix("jobs/runs/"), given)
        if path.startswith("jobs/") and version == "2.2":
            return self._of_jobs(path.removeprefix("jobs/"), given)
        return _error(404, "ENDPOINT_NOT_FOUND", f"No API found for {request.method} {request.path}")

    def _of_jobs(self, command: str, given: dict[str, Any]) -> Answer:
        if command == "create":
            job_id = len(self.jobs) + 1
            self.jobs[job_id] = given
            return Answer(200, {"job_id": job_id})
        if command == "list":
            found = [
                {"job_id": number, "created_time": 1715000000000, "settings": settings}
                for number, settings in self.jobs.items()
                if given.get("name") in (None, settings["name"])
            ]
            return Answer(200, {"jobs": found, "has_more": False} if found else {"has_more": False})
        job_id = int(given["job_id"])
        if job_id not in self.jobs:
            return _error(400, "INVALID_PARAMETER_VALUE", f"Job {job_id} does not exist.")
        if command == "run-now":
            return self._begin(self.jobs[job_id], given, job_id)
        if command == "reset":
            self.jobs[job_id] = given["new_settings"]
        if command == "delete":
            del self.jobs[job_id]
        if command == "get":
            return Answer(200, {"job_id": job_id, "settings": self.jobs[job_id]})
        return Answer(200, {})

    def _of_runs(self, command: str, given: dict[str, Any]) -> Answer:
        if command == "submit":
            settings = given if "tasks" in given else {"tasks": [{**given, "task_key": given["run_name"]}]}
            return self._begin({"name": given.get("run_name", "Untitled"), **settings}, given, 0)
        if command == "list":
            runs = [self._told(run) for run in self.runs.values() if given.get("job_id") in (None, str(run.job_id))]
            return Answer(200, {"runs": runs, "has_more": False} if runs else {"has_more": False})
        run_id = int(given["run_id"])
        run = self._of_run(run_id)
        if run is None:
            return _error(400, "INVALID_PARAMETER_VALUE", f"Run {run_id} does not exist.")
        if command == "cancel":
            self.cancelled.append(run_id)
            for task in run.tasks:
                task.cancel()
            return Answer(200, {})
        if command == "get-output":
            told = {"error": "the notebook raised an error", "error_trace": "Traceback: ..."}
            return Answer(200, {**told, "metadata": self._told(run)})
        words = {task.look() for task in run.tasks}
        for word in words:
            if word not in _STATES:
                return _fault(word)
        return Answer(200, self._told(run))

    def _statement(self, path: list[str], given: dict[str, Any]) -> Answer:
        if not path:
            number = len(self.statements) + 1
            name = f"01ef-{number:04}"
            word = given["statement"].rpartition(" ")[2]
            self.statements[name] = Work(number, name, word, _plan(word))
            self.work.append(self.statements[name])
            return Answer(200, {"statement_id": name, "status": {"state": "PENDING"}})
        statement = self.statements.get(path[0])
        if statement is None:
            return _error(404, "NOT_FOUND", f"The statement {path[0]} was not found.")
        if path[1:] == ["cancel"]:
            self.cancelled_statements.append(path[0])
            statement.cancel()
            return Answer(200, {})
        word = statement.look()
        if word not in _STATES:
            return _fault(word)
        status: dict[str, Any] = {"state": _STATEMENT_STATES.get(word, word.upper())}
        if word == "failed":
            status["error"] = {"error_code": "BAD_REQUEST", "message": "[TABLE_OR_VIEW_NOT_FOUND] no such table"}
        return Answer(200, {"statement_id": path[0], "status": status})

    def _begin(self, settings: dict[str, Any], body: dict[str, Any], job_id: int) -> Answer:
        run_id = 501 + 10 * len(self.runs)
        run = Run(run_id, body, settings, job_id)
        for number, task in enumerate(settings.get("tasks", []), 1):
            name = _name(task)
            run.tasks.append(Work(run_id + number, task["task_key"], name, _plan(name)))
        self.work += run.tasks
        self.runs[run_id] = run
        self.begun[run_id] = body
        return Answer(200, {"run_id": run_id, "number_in_job": run_id})

    def _of_run(self, run_id: int) -> Run | None:
        """A run, or that of one of its tasks, which has a number of its own."""
        run = self.runs.get(run_id)
        if run is not None:
            return run
        for one in self.runs.values():
            for task in one.tasks:
                if task.number == run_id:
                    return Run(run_id, one.body, one.settings, one.job_id, [task])
        return None

    def _told(self, run: Run) -> dict[str, Any]:
        words = [task.seen for task in run.tasks]
        first = next((word for word in ("running", "pending") if word in words), None)
        word = first or next((one for one in words if one != "success"), "success")
        return {
            "job_id": run.job_id or run.number,
            "run_id": run.number,
            "run_type": "JOB_RUN" if run.job_id else "SUBMIT_RUN",
            "run_page_url": f"{self.url}/?o=1#job/{run.job_id}/run/{run.number}",
            "run_name": run.settings["name"],
            "start_time": 1715000000000,
            "state": _state(word),
            "tasks": [
                {
                    "task_key": task.key,
                    "run_id": task.number,
                    "state": _state(task.seen),
                    "start_time": 1715000000000,
                    "attempt_number": 0,
                }
                for task in run.tasks
            ],
        }


def _job(plan: str) -> dict[str, Any]:
    task = {"task_key": "main", "notebook_task": {"notebook_path": f"/Shared/{plan}"}}
    return {"name": plan, "tasks": [task]}


def _name(task: dict[str, Any]) -> str:
    """What is run: a notebook, a file, the main class of a jar."""
    for kind, name in (
        ("notebook_task", "notebook_path"),
        ("spark_python_task", "python_file"),
        ("spark_jar_task", "main_class_name"),
    ):
        if kind in task:
            return str(task[kind][name]).rpartition("/")[2]
    raise AssertionError(f"a task of no kind that is known: {task}")


def _plan(name: str) -> list[str]:
    return PLANS.get(name, name).split("-")


def _state(word: str) -> dict[str, Any]:
    life, result = _STATES.get(word, _STATES["running"])
    told = {
        "life_cycle_state": life,
        "state_message": _REASONS.get(word, ""),
        "user_cancelled_or_timedout": word == "canceled",
    }
    return {**told, "result_state": result} if result else told


def _fault(word: str) -> Answer:
    return GARBAGE if word == "garbage" else _error(int(word), "TEMPORARILY_UNAVAILABLE", f"the fault {word}")


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"error_code": code, "message": message})
