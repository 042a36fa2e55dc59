"""The part of Databricks' API that runs jobs. The states of a run are given by the name of its notebook or job."""

from __future__ import annotations

from typing import Any, Final

from tests.support.fake_server import Answer, FakeServer, Request

TOKEN: Final = "dapi-the-token"
#: What a run goes through, by the last word of its notebook; a look each, and it stays in the last.
PLANS: Final = {
    "succeeds": [("PENDING", ""), *[("RUNNING", "")] * 4, ("TERMINATED", "SUCCESS")],
    "fails": [("PENDING", ""), *[("RUNNING", "")] * 4, ("TERMINATED", "FAILED")],
    "goes_on": [("RUNNING", "")],
}


class Databricks(FakeServer):
    """Knows the jobs 1 (succeeds), 2 (fails) and 3 (goes on)."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs = dict(enumerate(PLANS, 1))
        self.plans: dict[int, list[tuple[str, str]]] = {}
        #: The bodies of requests that began runs, by run.
        self.begun: dict[int, dict[str, Any]] = {}
        self.cancelled: list[int] = []

    def connection(self) -> dict[str, Any]:
        """The fields of an Airflow connection to it."""
        host, port = self.url.removeprefix("http://").split(":")
        return {"conn_type": "databricks", "host": host, "port": int(port), "schema": "http", "password": TOKEN}

    def answer(self, request: Request) -> Answer:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(403, {"error_code": "403", "message": "Invalid access token."})
        path = request.path.partition("/jobs/")[2]
        if path == "run-now":
            return self._begin(self.jobs[int(request.json["job_id"])], request.json)
        if path == "runs/submit":
            task = request.json.get("notebook_task") or request.json["tasks"][0]["notebook_task"]
            return self._begin(task["notebook_path"].rpartition("/")[2], request.json)
        if path == "runs/cancel":
            self.cancelled.append(request.json["run_id"])
            self.plans[request.json["run_id"]] = [("TERMINATED", "CANCELED")]
            return Answer(200, {})
        run_id = int(request.query.get("run_id") or request.json["run_id"])
        if run_id not in self.plans:
            return Answer(
                400, {"error_code": "INVALID_PARAMETER_VALUE", "message": f"Run {run_id} does not exist."}
            )
        if path == "runs/get-output":
            return Answer(200, {"error": "the notebook raised an error", "metadata": self._run(run_id)})
        return Answer(200, self._run(run_id))

    def _begin(self, plan: str, body: dict[str, Any]) -> Answer:
        run_id = 501 + len(self.plans)
        self.plans[run_id] = list(PLANS[plan])
        self.begun[run_id] = body
        return Answer(200, {"run_id": run_id, "number_in_job": run_id})

    def _run(self, run_id: int) -> dict[str, Any]:
        plan = self.plans[run_id]
        life, result = plan.pop(0) if len(plan) > 1 else plan[0]
        state = {"life_cycle_state": life, "state_message": "", "user_cancelled_or_timedout": False}
        if result:
            state["result_state"] = result
        body = self.begun[run_id]
        task = {"task_key": "main", "run_id": run_id, "state": state, "start_time": 1715000000000}
        return {
            "job_id": int(body.get("job_id", 7)),
            "run_id": run_id,
            "run_page_url": f"{self.url}/#job/7/run/{run_id}",
            "run_name": body.get("run_name", "job"),
            "start_time": 1715000000000,
            "state": state,
            "tasks": [task],
        }
