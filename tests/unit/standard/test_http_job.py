import asyncio
import datetime as dt
import socket
import ssl

import pytest
from job_server import Answer, serving

from bide.authoring.deferral import TaskDeferred
from bide.authoring.job_status import JobStatus
from bide.authoring.trigger import trigger_kind
from bide.model.errors import DeferralTimeout, InvalidArgument, TaskError
from bide.model.values import decode, encode
from bide.standard.http.client import shared_client, tls_for
from bide.standard.http.job import JobAnswerError, same_origin
from bide.standard.operators.http_job import HttpJobOperator

pytestmark = pytest.mark.usefixtures("runtime")

RUNNING = Answer(200, {"state": "running"})
DONE = Answer(200, {"state": "Succeeded", "result": {"rows": 3}})
FAILED = Answer(200, {"state": "failed", "error": "out of memory"})


@pytest.fixture
def server():
    with serving() as found:
        found.script("POST", "/jobs", Answer(202, {"status_url": "/jobs/1"}))
        found.script("GET", "/jobs/1", RUNNING)
        found.script("DELETE", "/jobs/1", Answer(204))
        yield found


def make(server, **options):
    return HttpJobOperator(
        task_id="j", endpoint=f"{server.url}/jobs", payload={"n": 1}, **{"poll_interval": 0.01, **options}
    )


def defer(task, context):
    with pytest.raises(TaskDeferred) as raised:
        task.execute(context)
    return raised.value


def rebuilt(trigger):
    """As a trigger runner has it: built again from what was stored."""
    _, kwargs = trigger.serialize()
    return type(trigger)(**decode(encode(kwargs, what="kwargs")))


def status_url(trigger):
    return trigger.job["status_url"]


async def first_event(trigger):
    try:
        async for event in trigger.run():
            return event
    finally:
        await trigger.cleanup()


# --- submitting ---------------------------------------------------------------------------------------------------


def test_it_submits_and_defers(server, context_of):
    task = make(server, headers={"Authorization": "Bearer t0"}, timeout=60)
    deferred = defer(task, context_of(task))
    (post,) = server.asked("POST", "/jobs")
    assert post.body == {"n": 1}
    assert post.headers["Authorization"] == "Bearer t0"
    assert len(post.headers["Idempotency-Key"]) == 32
    assert deferred.method_name == "execute_complete"
    job = {"status_url": f"{server.url}/jobs/1", "cancel_method": "DELETE", "cancel_url": f"{server.url}/jobs/1"}
    assert deferred.kwargs["job"] == deferred.trigger.job == job
    assert deferred.timeout_seconds == 60
    assert deferred.trigger.describe() == f"job {server.url}/jobs/1"
    assert trigger_kind(type(deferred.trigger)) == "poll"


def test_what_is_posted_does_not_travel(server, context_of):
    """A wait is small, however large the payload."""
    task = make(server)
    assert set(defer(task, context_of(task)).trigger.fields) == {"task_id", "headers", "request_timeout", "dialect"}


def test_the_status_url_may_be_a_location(server, context_of):
    server.script("POST", "/jobs", Answer(201, None, {"Location": "/jobs/1"}))
    task = make(server)
    assert status_url(defer(task, context_of(task)).trigger) == f"{server.url}/jobs/1"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://evil.example/jobs/1",
        "//evil.example/jobs/1",
        "https://127.0.0.1/jobs/1",
        "http://127.0.0.1:1/jobs/1",
    ],
)
@pytest.mark.parametrize("field", ["status_url", "cancel_url", "Location"])
def test_another_origin_is_refused(server, context_of, elsewhere, field):
    if field == "Location":
        server.script("POST", "/jobs", Answer(201, None, {"Location": elsewhere}))
    else:
        server.script("POST", "/jobs", Answer(201, {"status_url": "/jobs/1", field: elsewhere}))
    task = make(server)
    with pytest.raises(JobAnswerError, match="is not of the origin of"):
        task.execute(context_of(task))
    assert not server.asked("GET", "/jobs/1")


def test_default_ports_are_ports():
    assert same_origin("http://a.example/x", "http://A.example:80/y", what="URL") == "http://A.example:80/y"
    with pytest.raises(JobAnswerError):
        same_origin("http://a.example/x", "https://a.example:80/y", what="URL")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(500, {"oops": 1}), "was answered 500.*oops"),
        (Answer(302, None, {"Location": "/jobs/1"}), "was answered 302"),
        (Answer(201, {"id": 1}), "without a status URL"),
        (Answer(201, "hello"), "not answered with JSON: hello"),
    ],
)
def test_a_useless_answer_is_told(server, context_of, answer, message):
    server.script("POST", "/jobs", answer)
    task = make(server)
    with pytest.raises(JobAnswerError, match=message):
        task.execute(context_of(task))


def test_no_service_is_told(context_of):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody listens there
        task = HttpJobOperator(task_id="j", endpoint=f"http://127.0.0.1:{held.getsockname()[1]}/jobs")
        with pytest.raises(JobAnswerError, match="was not answered"):
            task.execute(context_of(task))


def test_states_must_be_lists(server):
    with pytest.raises(InvalidArgument, match="success_states"):
        make(server, success_states="done")


# --- tries --------------------------------------------------------------------------------------------------------


def keys(server):
    return [request.headers["Idempotency-Key"] for request in server.asked("POST", "/jobs")]


def test_a_try_after_a_crash_finds_its_job_again(server, context_of):
    task = make(server)
    defer(task, context_of(task))
    found = defer(task, context_of(task, try_number=2))
    assert len(keys(server)) == 1, "what is known needs no second submission"
    assert status_url(found.trigger) == f"{server.url}/jobs/1"


def test_a_try_after_an_answer_that_was_lost_submits_under_the_same_key(server, context_of):
    server.script("POST", "/jobs", Answer(502), Answer(202, {"status_url": "/jobs/1"}))
    task = make(server)
    with pytest.raises(JobAnswerError):
        task.execute(context_of(task))
    defer(task, context_of(task, try_number=2))
    assert len(keys(server)) == 2
    assert len(set(keys(server))) == 1


def test_a_try_that_asks_another_service_submits_there(server, context_of):
    """The service of the last try may be gone, and its job with it."""
    task = make(server)
    defer(task, context_of(task))
    with serving() as other:
        other.script("POST", "/jobs", Answer(202, {"status_url": "/jobs/7"}))
        task.endpoint = f"{other.url}/jobs"
        found = defer(task, context_of(task, try_number=2))
        assert keys(other) == keys(server)
    assert status_url(found.trigger) == f"{other.url}/jobs/7"


def test_a_try_after_a_failed_job_submits_a_new_one(server, context_of):
    server.script("POST", "/jobs", Answer(200, {"status_url": "/jobs/1"}), Answer(202, {"status_url": "/jobs/2"}))
    server.script("GET", "/jobs/2", RUNNING)
    task = make(server)
    defer(task, context_of(task))
    server.script("GET", "/jobs/1", FAILED)
    found = defer(task, context_of(task, try_number=2))
    assert len(set(keys(server))) == 2
    assert status_url(found.trigger) == f"{server.url}/jobs/2"


def test_other_instances_have_other_keys(server, context_of, runtime):
    task = make(server)
    for instance in ("0198-1", "0198-2"):
        runtime.task_state.clear()
        defer(task, context_of(task, id=instance))
    assert len(set(keys(server))) == 2


# --- waiting ------------------------------------------------------------------------------------------------------


def complete(task, context, deferred, event):
    return task.execute_complete(context, event=event.payload, **deferred.kwargs)


async def test_the_trigger_fires_when_the_job_has_ended(server, context_of):
    server.script("GET", "/jobs/1", RUNNING, RUNNING, DONE)
    task = make(server, headers={"X-Team": "a"})
    context = context_of(task)
    deferred = await asyncio.to_thread(defer, task, context)
    event = await first_event(rebuilt(deferred.trigger))
    assert event.payload == JobStatus.succeeded(DONE.body)._asdict()
    assert [request.headers["X-Team"] for request in server.asked("GET", "/jobs/1")] == ["a"] * 3
    assert await asyncio.to_thread(complete, task, context, deferred, event) == {"rows": 3}


async def test_a_failed_job_fails_the_try_with_its_error(server, context_of):
    task = make(server)
    context = context_of(task)
    deferred = await asyncio.to_thread(defer, task, context)
    server.script("GET", "/jobs/1", FAILED)
    event = await first_event(rebuilt(deferred.trigger))
    with pytest.raises(TaskError, match="jobs/1 has failed: it ended as 'failed': out of memory"):
        await asyncio.to_thread(complete, task, context, deferred, event)


async def test_names_of_fields_and_states_are_the_services(server, context_of):
    server.script("POST", "/jobs", Answer(202, {"links": {"self": "/jobs/1"}}))
    task = make(
        server,
        status_url_field="links.self",
        state_field="job.phase",
        progress_field="job.done",
        success_states=["OK"],
        failure_states=["KO"],
        result_field="job.out",
    )
    context = context_of(task)
    deferred = await asyncio.to_thread(defer, task, context)
    server.script(
        "GET",
        "/jobs/1",
        Answer(200, {"job": {"phase": "RUNNING", "done": 0.5}}),
        Answer(200, {"job": {"phase": "ok", "out": [1]}}),
    )
    trigger = rebuilt(deferred.trigger)
    assert await trigger.poll() is None
    assert trigger.progress == ("running", 0.5)
    event = await first_event(trigger)
    assert await asyncio.to_thread(complete, task, context, deferred, event) == [1]


@pytest.mark.parametrize("progress", ["half", 50, -1, True, None])
async def test_a_progress_that_is_no_share_is_left_out(server, progress):
    server.script("GET", "/jobs/1", Answer(200, {"state": "running", "progress": progress}))
    trigger = waiting(server)
    assert await trigger.poll() is None
    assert trigger.progress == ("running", None)
    await trigger.cleanup()


async def test_failed_looks_are_borne_and_forgotten(server):
    bad = [Answer(503), Answer(200, "<html>"), Answer(200, {"no": "state"})]
    server.script("GET", "/jobs/1", *bad, RUNNING, *bad, DONE)
    trigger = waiting(server, error_budget=3)
    assert (await first_event(trigger)).payload["state"] == "succeeded"
    assert len(server.asked("GET", "/jobs/1")) == 8


async def test_too_many_failed_looks_give_up_and_leave_the_job_alone(server):
    server.script("GET", "/jobs/1", Answer(503, "busy"))
    with pytest.raises(JobAnswerError, match=r"503.*busy"):
        await first_event(waiting(server, error_budget=2))
    assert len(server.asked("GET", "/jobs/1")) == 3
    assert not server.asked("DELETE", "/jobs/1")


async def test_an_unreachable_service_is_a_failed_look(server):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        trigger = waiting(server, port=held.getsockname()[1], error_budget=0)
        with pytest.raises(JobAnswerError, match="was not answered"):
            await first_event(trigger)


async def test_triggers_of_a_loop_share_a_client_but_no_cookies(server):
    server.script("GET", "/jobs/1", Answer(200, {"state": "running"}, {"Set-Cookie": "who=first; Path=/"}))
    one, other = waiting(server), waiting(server)
    await asyncio.gather(one.poll(), other.poll())
    client = await shared_client(server.url).get()
    await one.cleanup()
    assert not client.is_closed
    await other.poll()
    await other.cleanup()
    assert client.is_closed
    assert not any("Cookie" in request.headers for request in server.requests)


async def test_a_first_look_that_is_cancelled_leaves_nothing_open(server):
    trigger = waiting(server)
    look = asyncio.ensure_future(trigger.poll())
    await asyncio.sleep(0)
    look.cancel()
    with pytest.raises(asyncio.CancelledError):
        await look
    await trigger.cleanup()
    again = waiting(server)
    assert await again.poll() is None
    await again.cleanup()


async def test_cleanup_without_a_look_is_fine(server):
    await waiting(server).cleanup()


def waiting(server, port=None, **options):
    url = f"{server.url}/jobs/1" if port is None else f"http://127.0.0.1:{port}/jobs/1"
    task = make(server, **{"poll_interval": 0.001, **options})
    return rebuilt(task._trigger("key", {"status_url": url, "cancel_method": "DELETE", "cancel_url": url}))


# --- results ------------------------------------------------------------------------------------------------------


def result(server, context_of, body):
    task = make(server)
    job = {"status_url": f"{server.url}/jobs/1"}
    event = JobStatus.succeeded(body)._asdict()
    return task.execute_complete(context_of(task), event=event, key="key", job=job, until=None)


def test_a_result_url_is_fetched(server, context_of):
    server.script("GET", "/jobs/1/result", Answer(200, [1, 2]))
    body = {"state": "succeeded", "result_url": "/jobs/1/result", "result": "not this"}
    assert result(server, context_of, body) == [1, 2]


def test_without_a_result_the_status_is_one(server, context_of):
    assert result(server, context_of, {"state": "succeeded"}) == {"state": "succeeded"}


def test_a_result_url_of_another_origin_is_refused(server, context_of):
    with pytest.raises(JobAnswerError, match="the result URL"):
        result(server, context_of, {"result_url": "http://evil.example/"})


# --- cancelling ---------------------------------------------------------------------------------------------------


def test_the_trigger_cancels_by_delete(server, context_of):
    task = make(server, headers={"X-Team": "a"})
    trigger = rebuilt(defer(task, context_of(task)).trigger)
    asyncio.run(trigger.on_kill())
    assert [request.headers["X-Team"] for request in server.asked("DELETE", "/jobs/1")] == ["a"]


def test_the_trigger_cancels_at_the_cancel_url(server, context_of):
    server.script("POST", "/jobs", Answer(202, {"status_url": "/jobs/1", "cancel_url": "/jobs/1/cancel"}))
    server.script("POST", "/jobs/1/cancel", Answer(200, {}))
    task = make(server)
    asyncio.run(rebuilt(defer(task, context_of(task)).trigger).on_kill())
    assert len(server.asked("POST", "/jobs/1/cancel")) == 1
    assert not server.asked("DELETE", "/jobs/1")


def test_a_job_that_has_ended_needs_no_cancel(server):
    server.script("GET", "/jobs/1", DONE)
    asyncio.run(waiting(server).on_kill())
    assert not server.asked("DELETE", "/jobs/1")


@pytest.mark.parametrize("status", [404, 409, 410])
async def test_a_job_that_is_gone_needs_no_cancel(server, status):
    server.script("DELETE", "/jobs/1", Answer(status))
    await waiting(server).on_kill()


async def test_a_cancel_that_fails_is_told(server):
    server.script("DELETE", "/jobs/1", Answer(500, "no"))
    with pytest.raises(JobAnswerError, match="500"):
        await waiting(server).on_kill()


# --- without deferral ---------------------------------------------------------------------------------------------


def test_the_worker_can_wait_itself(server, context_of):
    server.script("GET", "/jobs/1", RUNNING, Answer(503), RUNNING, DONE)
    task = make(server, deferrable=False)
    assert task.execute(context_of(task)) == {"rows": 3}


def test_the_workers_wait_fails_like_the_deferred_one(server, context_of, runtime):
    server.script("GET", "/jobs/1", RUNNING, FAILED)
    task = make(server, deferrable=False)
    with pytest.raises(TaskError, match="out of memory"):
        task.execute(context_of(task))
    server.script("GET", "/jobs/1", RUNNING, Answer(503))
    with pytest.raises(JobAnswerError, match="503"):
        task.execute(context_of(task, id="2"))


def test_a_timeout_in_the_worker_cancels_the_job(server, context_of):
    task = make(server, deferrable=False, poll_interval=10, timeout=dt.timedelta(seconds=25))
    with pytest.raises(DeferralTimeout, match="25 s"):
        task.execute(context_of(task))
    assert len(server.asked("DELETE", "/jobs/1")) == 1


def test_plain_http_trusts_no_certificate():
    """Reading certificates takes long; should such a client ever meet TLS, it must refuse."""
    context = tls_for("http")
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.get_ca_certs()
    assert tls_for("https") is True
