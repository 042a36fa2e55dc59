"""Operators that drive a job outside, from submission to result, over tries and deaths."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from bide import DAG, BaseOperator, JobOperator, JobStatus
from bide.authoring.job_trigger import JobTrigger
from bide.authoring.resumable_job import ResumableJobMixin
from bide.authoring.trigger import trigger_kind
from bide.model.errors import InvalidArgument
from bide.model.values import decode, encode
from bide.testing import RunResult, run_dag


@dataclass
class Service:
    """Jobs by id, and what was asked."""

    #: What looks find, one after the other; an exception is raised.
    looks: list[Any] = field(default_factory=list[Any])
    heeds_keys: bool = False
    jobs: dict[str, str] = field(default_factory=dict[str, str])
    cancelled: list[str] = field(default_factory=list[str])
    closed: int = 0

    def submit(self, key: str) -> str:
        if self.heeds_keys and key in self.jobs.values():
            return next(job for job, its_key in self.jobs.items() if its_key == key)
        job = f"job-{len(self.jobs) + 1}"
        self.jobs[job] = key
        return job

    def look(self, job: str) -> JobStatus:
        assert job in self.jobs
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(found, BaseException):
            raise found
        return found

    @property
    def keys(self) -> list[str]:
        return list(self.jobs.values())


service = Service()
DONE, RUNNING = JobStatus.succeeded({"rows": 3}), JobStatus.running("at it", progress=0.25)


@pytest.fixture(autouse=True)
def fresh_service() -> None:
    service.__init__()
    service.looks = [DONE]


class Job(JobOperator):
    """All methods plain."""

    def __init__(self, *, table: str = "orders", opener: Any = open, **kwargs: Any) -> None:
        self.early = "set before"
        super().__init__(**{"poll_interval": 10, **kwargs})
        self.table = table
        #: Can't be stored.
        self.opener = opener

    def submit(self, context: Any, key: str) -> str:
        return service.submit(key)

    def poll(self, job: str) -> Any:
        assert (self.table, self.early) == ("orders", "set before")
        return service.look(job)

    def cancel(self, job: str) -> None:
        service.cancelled.append(job)

    async def cleanup(self) -> None:
        service.closed += 1


class AsyncJob(Job):
    """All of them async."""

    async def submit(self, context: Any, key: str) -> str:  # type: ignore[override]
        return service.submit(key)

    async def poll(self, job: str) -> JobStatus:
        return service.look(job)

    async def cancel(self, job: str) -> None:  # type: ignore[override]
        service.cancelled.append(job)

    async def result(self, context: Any, job: str, status: JobStatus) -> Any:
        return {"job": job, **status.value}


def run(operator_class: type[BaseOperator] = Job, *, ok: bool = True, **options: Any) -> RunResult:
    with DAG("jobs") as dag:
        operator_class(task_id="job", **{"retry_delay": 1, **options})
    result = run_dag(dag, raise_on_failure=False)
    assert (result.state == "success") is ok, result["job"].log
    return result


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize(("kind", "value"), [(Job, {"rows": 3}), (AsyncJob, {"job": "job-1", "rows": 3})])
def test_a_job_is_submitted_waited_for_and_its_result_fetched(
    kind: type[JobOperator], value: Any, deferrable: bool
) -> None:
    """K17: the same with and without deferral, plain and async."""
    service.looks = [RUNNING, RUNNING, DONE]
    result = run(kind, deferrable=deferrable)
    assert result["job"].result == value
    assert service.jobs == {"job-1": service.keys[0]}
    assert ("deferred" in result["job"].states) is deferrable
    assert service.closed >= 1
    assert service.cancelled == []


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("verdict", [JobStatus.failed("out of memory"), JobStatus.cancelled("by ada")])
def test_a_failed_job_fails_the_try_and_the_next_submits_anew(verdict: JobStatus, deferrable: bool) -> None:
    """K07, K17: another job under another key; cancelled by somebody is no success."""
    service.looks = [RUNNING, verdict, RUNNING, DONE]
    result = run(deferrable=deferrable, retries=1)
    assert len(set(service.keys)) == 2
    assert verdict.message in result["job"].log
    assert result["job"].tries == 2


def test_k07_a_try_after_a_failure_of_its_own_goes_on_with_the_job() -> None:
    """K07: what fails here and not outside submits nothing a second time."""

    class Stumbles(Job):
        def result(self, context: Any, job: str, status: JobStatus) -> Any:
            if context["ti"].try_number < 3:
                raise ConnectionError("the result can't be fetched")
            return job

    result = run(Stumbles, retries=2)
    assert result["job"].result == "job-1"
    assert len(service.jobs) == 1
    assert "going on with Stumbles job-1" in result["job"].log


@pytest.mark.parametrize("deferrable", [True, False])
def test_looks_become_seldom(deferrable: bool) -> None:
    """After pauses of 10, 20, 40, 50, 50 s."""
    service.looks = [*[RUNNING] * 5, DONE]
    result = run(deferrable=deferrable, poll_backoff=2, max_poll_interval=timedelta(seconds=50))
    assert result.duration is not None
    assert 170 <= result.duration.total_seconds() < 180
    with pytest.raises(InvalidArgument, match=r"poll_backoff must be a factor of 1 or more, not 0\.5"):
        Job(task_id="job", poll_backoff=0.5)


@pytest.mark.parametrize("deferrable", [True, False])
def test_k08_looks_that_fail_cost_no_try(deferrable: bool) -> None:
    """K08: a budget of their own; when it is spent, the job is left alone and the next try goes on with it."""
    service.looks = [ConnectionError("503"), RUNNING, ConnectionError("503"), DONE]
    assert run(deferrable=deferrable, error_budget=1)["job"].tries == 1
    service.looks = [*[ConnectionError("503")] * 3, RUNNING, DONE]
    result = run(deferrable=deferrable, error_budget=1, retries=1)
    assert result["job"].tries == 2
    assert len(service.jobs) == 2, "one for each of the two runs"
    assert service.cancelled == []


@pytest.mark.parametrize("heeds_keys", [True, False])
def test_k07_a_death_in_the_midst_of_submit_leaves_one_job(heeds_keys: bool) -> None:
    """K07: its key is stored before it is asked for, so that the service or `find()` can tell."""
    service.heeds_keys = heeds_keys

    class Dies(Job):
        def submit(self, context: Any, key: str) -> str:
            job = service.submit(key)
            if context["ti"].try_number == 1:
                raise ConnectionResetError("the answer is lost")
            return job

        def find(self, key: str) -> str | None:
            return None if heeds_keys else next((job for job, its in service.jobs.items() if its == key), None)

    assert run(Dies, retries=1)["job"].result == {"rows": 3}
    assert len(service.jobs) == 1


def test_each_try_may_submit_its_own() -> None:
    """K07: told otherwise, a try first cancels what the one before has left running."""

    class Stumbles(Job):
        def result(self, context: Any, job: str, status: JobStatus) -> Any:
            if context["ti"].try_number == 1:
                raise ConnectionError
            return job

    service.looks = [DONE, RUNNING, DONE]
    assert run(Stumbles, retries=1, reattach=False)["job"].result == "job-2"
    assert service.cancelled == ["job-1"]


@pytest.mark.parametrize("deferrable", [True, False])
def test_k01_a_timeout_cancels_the_job_and_the_next_try_submits_anew(deferrable: bool) -> None:
    """K01: the cancel comes first."""
    service.looks = [RUNNING, RUNNING, RUNNING, RUNNING, DONE]
    result = run(deferrable=deferrable, timeout=timedelta(seconds=15), retries=1)
    assert result["job"].tries == 2
    assert service.cancelled == ["job-1"]
    assert list(service.jobs) == ["job-1", "job-2"]
    assert len(set(service.keys)) == 2


@pytest.mark.parametrize("deferrable", [True, False])
def test_k01_an_execution_timeout_cancels_the_job(deferrable: bool) -> None:
    service.looks = [RUNNING]
    result = run(ok=False, deferrable=deferrable, execution_timeout=timedelta(seconds=25))
    assert service.cancelled == ["job-1"], result["job"].log


def test_k01_a_cancel_asks_first_whether_there_is_something_to_cancel() -> None:
    class Slow(Job):
        def result(self, context: Any, job: str, status: JobStatus) -> Any:
            raise ConnectionError

    run(Slow, ok=False, retries=1, reattach=False)
    assert len(service.jobs) == 2
    assert service.cancelled == [], "the first had ended"


def test_k07_operators_for_airflow_resume_their_jobs_too() -> None:
    """K07: ``execute_resumable`` keeps the id; a retry waits for what is active and submits what has failed."""

    class Resumes(ResumableJobMixin, BaseOperator):
        external_id_key = "my_job"

        def execute(self, context: Any) -> Any:
            return self.execute_resumable(context)

        def submit_job(self, context: Any) -> str:
            return service.submit("")

        def get_job_status(self, external_id: str, context: Any) -> str:
            assert context["task_state_store"].get("my_job") == external_id
            return service.look(external_id).state

        def is_job_active(self, status: str) -> bool:
            return status == "running"

        def is_job_succeeded(self, status: str) -> bool:
            return status == "succeeded"

        def poll_until_complete(self, external_id: str, context: Any) -> None:
            if context["ti"].try_number < 3:
                raise ConnectionError("503")

        def get_job_result(self, external_id: str, context: Any) -> str:
            return external_id

    def go(*looks: JobStatus, **options: Any) -> str:
        service.__init__()
        service.looks = list(looks)
        return run(Resumes, retries=2, **options)["job"].result

    assert go(RUNNING, RUNNING) == "job-1"
    assert go(DONE) == "job-1"
    assert go(JobStatus.failed(), RUNNING) == "job-2"
    assert go(RUNNING, durable=False) == "job-3"


# --- callbacks


def test_a_callback_is_as_good_as_a_look() -> None:
    """K26: beside slow looks; what was called is looked at, since a body proves nothing."""
    result = run_with_events({"told": {"any": "body"}}, callback=True, poll_interval=3600)
    assert result["job"].result == {"rows": 3}
    (wait,) = result.waits
    assert wait.kind == "any"
    assert wait.subject == "signal default or Job job-1"


def test_a_callback_alone_is_a_row() -> None:
    result = run_with_events({"told": None}, callback=True, poll_interval=None)
    assert result["job"].result == {"rows": 3}
    assert [wait.subject for wait in result.waits] == ["signal default"]


def test_a_callback_that_came_too_early_is_waited_on() -> None:
    service.looks = [RUNNING, ConnectionError("503"), DONE]
    result = run_with_events({"told": None}, callback=True, timeout=3600)
    assert len(result.waits) == 3


def test_the_body_of_a_callback_may_be_trusted() -> None:
    class Trusts(Job):
        def read_callback(self, job: str, body: Any) -> JobStatus:
            return JobStatus.succeeded(body["rows"]) if body["ok"] else JobStatus.failed(body["why"])

    service.looks = [AssertionError("nobody looks")]
    told = {"told": {"ok": True, "rows": 7}}
    assert run_with_events(told, Trusts, callback=True, poll_interval=None)["job"].result == 7
    told = {"told": {"ok": False, "why": "disk full"}}
    failed = run_with_events(told, Trusts, callback=True, poll_interval=None, ok=False)
    assert "Trusts job-2 has failed: disk full" in failed["job"].error


def run_with_events(told: Any, kind: type[JobOperator] = Job, *, ok: bool = True, **options: Any) -> RunResult:
    with DAG("jobs") as dag:
        kind(task_id="job", **options)
    result = run_dag(dag, events={"job": told}, raise_on_failure=False)
    assert (result.state == "success") is ok, result["job"].log
    return result


def test_nobody_would_know_of_the_end() -> None:
    for options in ({}, {"callback": True, "deferrable": False}):
        with pytest.raises(InvalidArgument, match="nobody would learn"):
            Job(task_id="job", poll_interval=None, **options)


# --- where looks happen


def trigger(operator: JobOperator, job: Any = "job-1") -> JobTrigger:
    """As a trigger runner has it: built again from what was stored."""
    made = operator._trigger("key", job)
    path, arguments = made.serialize()
    assert path == f"{__name__}.{type(operator).__qualname__}.{type(operator).__name__}Trigger"
    return type(made)(**decode(encode(arguments, what="arguments")))


def test_it_is_a_poll() -> None:
    assert trigger_kind(type(trigger(Job(task_id="j")))) == "poll"
    assert trigger(Job(task_id="j", poll_interval=timedelta(minutes=2))).interval == 120.0
    assert trigger(Job(task_id="j", error_budget=2)).max_errors == 3


async def test_a_look_has_what_can_be_stored_and_says_so_of_the_rest() -> None:
    class Opens(Job):
        def poll(self, job: str) -> Any:
            return self.opener(job)

    with pytest.raises(AttributeError, match=r"Opens\.opener is not known where the job is looked at"):
        await trigger(Opens(task_id="j")).poll()


async def test_only_named_attributes_travel() -> None:
    class Small(Job):
        job_fields = ("table",)

    assert trigger(Small(task_id="j")).fields == {"task_id": "j", "table": "orders"}
    with pytest.raises(AttributeError, match="early"):
        await trigger(Small(task_id="j")).poll()
    with pytest.raises(AttributeError, match="no attribute 'tabel'"):
        _ = Small(task_id="j").tabel


async def test_a_look_tells_how_far_the_job_is() -> None:
    """K30."""
    service.submit("key")
    service.looks = [RUNNING]
    looks = trigger(Job(task_id="j"))
    assert looks.progress is None
    assert await looks.poll() is None
    assert looks.progress == ("at it", 0.25)


def test_progress_is_a_share() -> None:
    with pytest.raises(InvalidArgument, match="from 0 to 1"):
        JobStatus.running(progress=40)


@pytest.mark.parametrize("answer", [None, "done", ("running", "", None, None)])
async def test_what_a_look_returns_is_checked(answer: Any) -> None:
    service.submit("key")
    service.looks = [answer]
    with pytest.raises(TypeError, match="must return a JobStatus"):
        await trigger(Job(task_id="j")).poll()


def test_a_job_has_to_have_a_name() -> None:
    class Forgets(Job):
        def submit(self, context: Any, key: str) -> None:  # type: ignore[override]
            pass

    assert "must return what names the job" in run(Forgets, ok=False)["job"].error


async def test_a_cancel_without_a_name_looks_for_the_job() -> None:
    """K01: a worker that died in the midst of ``submit()`` may have left one."""

    class Finds(Job):
        def find(self, key: str) -> str | None:
            return next((job for job, its in service.jobs.items() if its == key), None)

    service.looks = [RUNNING]
    await trigger(Finds(task_id="j"), None).on_kill()
    assert service.cancelled == []
    service.submit("key")
    await trigger(Finds(task_id="j"), None).on_kill()
    assert service.cancelled == ["job-1"]
    await trigger(Job(task_id="j"), None).on_kill()
    assert service.cancelled == ["job-1"]


async def test_a_cancel_is_tried_though_nobody_can_look() -> None:
    service.submit("key")
    service.looks = [ConnectionError("503")]
    await trigger(Job(task_id="j")).on_kill()
    assert service.cancelled == ["job-1"]
