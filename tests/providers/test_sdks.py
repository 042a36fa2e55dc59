"""The fakes answer as the services do: the vendors' own SDKs, which read each field by type, drive them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airbyte_api import AirbyteAPI, api, errors, models
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied, ResourceDoesNotExist
from databricks.sdk.service import jobs, sql

from tests.support import airbyte, databricks

pytestmark = pytest.mark.providers


@pytest.fixture(scope="module")
def workspace() -> Iterator[databricks.Databricks]:
    with databricks.Databricks() as server:
        yield server


@pytest.fixture(scope="module")
def client(workspace: databricks.Databricks) -> WorkspaceClient:
    return WorkspaceClient(host=workspace.url, token=databricks.TOKEN)


def _task(plan: str, key: str = "main") -> dict[str, Any]:
    return {"task_key": key, "existing_cluster_id": "0101", "notebook_task": jobs.NotebookTask(f"/Shared/{plan}")}


def _watch(client: WorkspaceClient, run_id: int) -> list[jobs.RunLifeCycleState]:
    """What a run goes through, look by look."""
    states = []
    while not states or states[-1] in (jobs.RunLifeCycleState.PENDING, jobs.RunLifeCycleState.RUNNING):
        state = client.jobs.get_run(run_id).state
        assert state is not None and state.life_cycle_state is not None
        states.append(state.life_cycle_state)
    return states


class TestDatabricks:
    def test_a_job_is_made_listed_changed_and_deleted(self, client: WorkspaceClient) -> None:
        job_id = client.jobs.create(name="etl", tasks=[jobs.Task(**_task("success"))]).job_id
        assert job_id is not None
        assert [one.job_id for one in client.jobs.list(name="etl")] == [job_id]
        client.jobs.reset(job_id, jobs.JobSettings(name="elt", tasks=[jobs.Task(**_task("failed"))]))
        settings = client.jobs.get(job_id).settings
        assert settings is not None and settings.tasks is not None
        assert (settings.name, settings.tasks[0].task_key) == ("elt", "main")
        client.jobs.delete(job_id)
        assert list(client.jobs.list(name="elt")) == []

    def test_a_run_of_a_job_goes_on_look_by_look(self, client: WorkspaceClient) -> None:
        run_id = client.jobs.run_now(1, notebook_params={"day": "2024-05-06"}).run_id
        assert [state.value for state in _watch(client, run_id)] == ["PENDING", *["RUNNING"] * 4, "TERMINATED"]
        run = client.jobs.get_run(run_id)
        assert run.state is not None and run.tasks is not None and run.run_page_url is not None
        assert run.state.result_state is jobs.RunResultState.SUCCESS
        assert run.run_type is jobs.RunType.JOB_RUN
        assert [task.task_key for task in run.tasks] == ["main"]
        assert run_id in [one.run_id for one in client.jobs.list_runs(job_id=1)]

    def test_a_failure_is_told(self, client: WorkspaceClient) -> None:
        run = client.jobs.submit(run_name="once", tasks=[jobs.SubmitTask(**_task("running-failed"))])
        done = _end(client, run.run_id)
        assert done.state is not None and done.tasks is not None
        assert done.state.result_state is jobs.RunResultState.FAILED
        output = client.jobs.get_run_output(done.tasks[0].run_id or 0)
        assert output.error == "the notebook raised an error"

    def test_tasks_of_a_run_have_runs_of_their_own(self, client: WorkspaceClient) -> None:
        tasks = [jobs.SubmitTask(**_task("success", "a")), jobs.SubmitTask(**_task("running-running-success", "b"))]
        run_id = client.jobs.submit(run_name="two", tasks=tasks).run_id
        run = client.jobs.get_run(run_id)
        assert run.tasks is not None
        first, second = run.tasks
        assert first.run_id is not None and second.run_id is not None
        assert [state.value for state in _watch(client, first.run_id)] == ["TERMINATED"]
        assert [state.value for state in _watch(client, second.run_id)] == ["RUNNING", "TERMINATED"]
        assert [state.value for state in _watch(client, run_id)] == ["TERMINATED"]

    def test_a_run_is_cancelled(self, client: WorkspaceClient, workspace: databricks.Databricks) -> None:
        run_id = client.jobs.run_now(3).run_id
        client.jobs.cancel_run(run_id)
        state = _end(client, run_id).state
        assert state is not None and state.result_state is jobs.RunResultState.CANCELED
        assert run_id in workspace.cancelled

    def test_statements(self, client: WorkspaceClient) -> None:
        statements = client.statement_execution
        one = statements.execute_statement("SELECT running-success", "warehouse").statement_id or ""
        seen = [statements.get_statement(one).status for _ in range(2)]
        assert [status.state for status in seen if status] == [
            sql.StatementState.RUNNING,
            sql.StatementState.SUCCEEDED,
        ]
        other = statements.execute_statement("SELECT failed", "warehouse").statement_id or ""
        status = statements.get_statement(other).status
        assert status is not None and status.error is not None
        assert status.error.error_code is sql.ServiceErrorCode.BAD_REQUEST
        third = statements.execute_statement("SELECT running", "warehouse").statement_id or ""
        statements.cancel_execution(third)
        status = statements.get_statement(third).status
        assert status is not None and status.state is sql.StatementState.CANCELED

    def test_errors_are_those_of_the_service(
        self, client: WorkspaceClient, workspace: databricks.Databricks
    ) -> None:
        with pytest.raises(ResourceDoesNotExist, match="Run 999 does not exist"):
            client.jobs.get_run(999)
        with pytest.raises(ResourceDoesNotExist, match="Job 999 does not exist"):
            client.jobs.get(999)
        with pytest.raises(InvalidParameterValue, match="Job 999 does not exist"):
            client.jobs.run_now(999)
        with pytest.raises(NotFound):
            client.statement_execution.get_statement("99")
        with pytest.raises(PermissionDenied, match="Invalid access token"):
            WorkspaceClient(config=Config(host=workspace.url, token="wrong")).jobs.get_run(501)


def _end(client: WorkspaceClient, run_id: int) -> jobs.Run:
    _watch(client, run_id)
    return client.jobs.get_run(run_id)


@pytest.fixture(scope="module")
def service() -> Iterator[airbyte.Airbyte]:
    with airbyte.Airbyte() as server:
        yield server


@pytest.fixture(scope="module")
def syncs(service: airbyte.Airbyte) -> AirbyteAPI:
    return _login(service, airbyte.PASSWORD)


def _login(service: airbyte.Airbyte, password: str) -> AirbyteAPI:
    login = models.SchemeClientCredentials(
        client_id=airbyte.LOGIN, client_secret=password, token_url="v1/applications/token"
    )
    return AirbyteAPI(server_url=service.url, security=models.Security(client_credentials=login))


class TestAirbyte:
    def _start(self, syncs: AirbyteAPI, plan: str) -> models.JobResponse:
        asked = models.JobCreateRequest(connection_id=plan, job_type=models.JobTypeEnum.SYNC)
        job = syncs.jobs.create_job(request=asked).job_response
        assert job is not None
        return job

    def _look(self, syncs: AirbyteAPI, job_id: int) -> models.JobStatusEnum:
        job = syncs.jobs.get_job(request=api.GetJobRequest(job_id=job_id)).job_response
        assert job is not None
        return job.status

    def test_a_job_goes_on_look_by_look(self, syncs: AirbyteAPI) -> None:
        job = self._start(syncs, "pending-running-incomplete-succeeded")
        seen = [job.status, *(self._look(syncs, job.job_id) for _ in range(4))]
        assert [state.value for state in seen] == ["pending", "running", "incomplete", "succeeded", "succeeded"]
        assert job.job_type is models.JobTypeEnum.SYNC

    def test_jobs_are_listed(self, syncs: AirbyteAPI) -> None:
        number = self._start(syncs, "failed").job_id
        listed = syncs.jobs.list_jobs(request=api.ListJobsRequest()).jobs_response
        assert listed is not None
        assert (number, models.JobStatusEnum.FAILED) in [(job.job_id, job.status) for job in listed.data]

    def test_a_job_is_cancelled(self, syncs: AirbyteAPI, service: airbyte.Airbyte) -> None:
        number = self._start(syncs, "running").job_id
        job = syncs.jobs.cancel_job(request=api.CancelJobRequest(job_id=number)).job_response
        assert job is not None and job.status is models.JobStatusEnum.CANCELLED
        assert self._look(syncs, number) is models.JobStatusEnum.CANCELLED
        assert number in service.cancelled

    def test_it_is_healthy(self, syncs: AirbyteAPI) -> None:
        assert syncs.health.get_health_check().status_code == 200

    def test_errors_are_those_of_the_service(self, syncs: AirbyteAPI, service: airbyte.Airbyte) -> None:
        with pytest.raises(errors.SDKError, match="404"):
            self._look(syncs, 99)
        number = self._start(syncs, "running-503-401-succeeded").job_id
        for status in ("503", "401"):
            with pytest.raises(errors.SDKError, match=status):
                self._look(syncs, number)
        with pytest.raises(Exception, match="401"):
            self._look(_login(service, "wrong"), 101)
