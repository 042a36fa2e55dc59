import asyncio
import importlib
import socket
import ssl

import pytest
from job_server import Answer, serving

from bide.authoring.deferral import TaskDeferred
from bide.authoring.trigger import TriggerEvent, trigger_kind
from bide.model.errors import DeferralTimeout, InvalidArgument, TaskError
from bide.model.values import decode, encode
from bide.standard.http.client import shared_client, tls_for
from bide.standard.http.job import JobAnswerError, same_origin
from bide.standard.operators.http_job import HttpJobOperator
from bide.standard.triggers.http_job import HttpJobTrigger

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
    path, kwargs = trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(**decode(encode(kwargs, what="kwargs")))


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
    assert deferred.kwargs == {"status_url": f"{server.url}/jobs/1"}
    assert deferred.timeout_seconds == 60
    assert deferred.trigger.status_url == f"{server.url}/jobs/1"
    assert deferred.trigger.describe() == f"job {server.url}/jobs/1"
    assert trigger_kind(type(deferred.trigger)) == "poll"


def test_the_status_url_may_be_a_location(server, context_of):
    server.script("POST", "/jobs", Answer(201, None, {"Location": "/jobs/1"}))
    task = make(server)
    assert defer(task, context_of(task)).trigger.status_url == f"{server.url}/jobs/1"


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


def test_a_job_that_has_ended_already_needs_no_wait(server, context_of):
    server.script("POST", "/jobs", Answer(200, {"status_url": "/jobs/1", "state": "done", "result": 5}))
    task = make(server)
    assert task.execute(context_of(task)) == 5


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
    assert keys(server)[0] == keys(server)[1]
    assert found.trigger.status_url == f"{server.url}/jobs/1"


def test_a_try_after_a_failed_job_submits_a_new_one(server, context_of):
    server.script("POST", "/jobs", Answer(200, {"status_url": "/jobs/1"}), Answer(202, {"status_url": "/jobs/2"}))
    server.script("GET", "/jobs/1", FAILED)
    server.script("GET", "/jobs/2", RUNNING)
    task = make(server)
    found = defer(task, context_of(task, try_number=2))
    assert len(set(keys(server))) == 2
    assert found.trigger.status_url == f"{server.url}/jobs/2"


def test_other_instances_have_other_keys(server, context_of):
    task = make(server)
    for instance in ("0198-1", "0198-2"):
        defer(task, context_of(task, id=instance))
    assert len(set(keys(server))) == 2


# --- waiting ------------------------------------------------------------------------------------------------------


async def test_the_trigger_fires_when_the_job_has_ended(server, context_of):
    server.script("GET", "/jobs/1", RUNNING, RUNNING, DONE)
    task = make(server, headers={"X-Team": "a"})
    context = context_of(task)
    server.script("POST", "/jobs", Answer(202, {"status_url": "/jobs/1", "state": "queued"}))
    trigger = rebuilt(defer(task, context).trigger)
    event = await first_event(trigger)
    assert event == TriggerEvent({"status": "success", "job": DONE.body})
    assert [request.headers["X-Team"] for request in server.asked("GET", "/jobs/1")] == ["a"] * 3
    assert task.execute_complete(context, event=event.payload, status_url=f"{server.url}/jobs/1") == {"rows": 3}


async def test_a_failed_job_fails_the_try_with_its_error(server, context_of):
    task = make(server)
    context = context_of(task)
    deferred = defer(task, context)
    server.script("GET", "/jobs/1", FAILED)
    event = await first_event(rebuilt(deferred.trigger))
    with pytest.raises(TaskError, match="ended as 'failed': out of memory"):
        task.execute_complete(context, event=event.payload, status_url=f"{server.url}/jobs/1")


async def test_names_of_fields_and_states_are_the_services(server, context_of):
    server.script("POST", "/jobs", Answer(202, {"links": {"self": "/jobs/1"}}))
    server.script("GET", "/jobs/1", Answer(200, {"job": {"phase": "RUNNING"}}))
    task = make(
        server,
        status_url_field="links.self",
        state_field="job.phase",
        success_states=["OK"],
        failure_states=["KO"],
        result_field="job.out",
    )
    context = context_of(task)
    deferred = defer(task, context)
    server.script("GET", "/jobs/1", Answer(200, {"job": {"phase": "ok", "out": [1]}}))
    event = await first_event(rebuilt(deferred.trigger))
    assert task.execute_complete(context, event=event.payload, status_url=f"{server.url}/jobs/1") == [1]


async def test_failed_looks_are_borne_and_forgotten(server):
    bad = [Answer(503), Answer(200, "<html>"), Answer(200, {"no": "state"})]
    server.script("GET", "/jobs/1", *bad, RUNNING, *bad, DONE)
    trigger = waiting(server, error_budget=3)
    assert (await first_event(trigger)).payload["status"] == "success"
    assert len(server.asked("GET", "/jobs/1")) == 8


async def test_too_many_failed_looks_give_up_and_leave_the_job_alone(server):
    server.script("GET", "/jobs/1", Answer(503, "busy"))
    with pytest.raises(JobAnswerError, match=r"503.*busy"):
        await first_event(waiting(server, error_budget=2))
    assert len(server.asked("GET", "/jobs/1")) == 3
    assert not server.asked("DELETE", "/jobs/1")


async def test_an_unreachable_service_is_a_failed_look():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/jobs/1"
        trigger = HttpJobTrigger(
            status_url=url, cancel_url=url, success_states=["ok"], failure_states=[], error_budget=0
        )
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


def waiting(server, **options):
    return HttpJobTrigger(
        status_url=f"{server.url}/jobs/1",
        cancel_url=f"{server.url}/jobs/1",
        success_states=["succeeded"],
        failure_states=["failed"],
        **{"poll_interval": 0.001, **options},
    )


# --- results ------------------------------------------------------------------------------------------------------


def complete(task, context, body):
    return task.execute_complete(context, event={"status": "success", "job": body}, status_url=f"{task.endpoint}/1")


def test_a_result_url_is_fetched(server, context_of):
    server.script("GET", "/jobs/1/result", Answer(200, [1, 2]))
    task = make(server)
    body = {"state": "succeeded", "result_url": "/jobs/1/result", "result": "not this"}
    assert complete(task, context_of(task), body) == [1, 2]


def test_without_a_result_the_status_is_one(server, context_of):
    task = make(server)
    assert complete(task, context_of(task), {"state": "succeeded"}) == {"state": "succeeded"}


def test_a_result_url_of_another_origin_is_refused(server, context_of):
    task = make(server)
    with pytest.raises(JobAnswerError, match="the result URL"):
        complete(task, context_of(task), {"result_url": "http://evil.example/"})


# --- cancelling ---------------------------------------------------------------------------------------------------


async def test_the_trigger_cancels_by_delete(server, context_of):
    task = make(server, headers={"X-Team": "a"})
    trigger = rebuilt(defer(task, context_of(task)).trigger)
    await trigger.on_kill()
    assert [request.headers["X-Team"] for request in server.asked("DELETE", "/jobs/1")] == ["a"]


async def test_the_trigger_cancels_at_the_cancel_url(server, context_of):
    server.script("POST", "/jobs", Answer(202, {"status_url": "/jobs/1", "cancel_url": "/jobs/1/cancel"}))
    server.script("POST", "/jobs/1/cancel", Answer(200, {}))
    task = make(server)
    await rebuilt(defer(task, context_of(task)).trigger).on_kill()
    assert len(server.asked("POST", "/jobs/1/cancel")) == 1
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


def test_the_workers_wait_fails_like_the_deferred_one(server, context_of):
    server.script("GET", "/jobs/1", RUNNING, FAILED)
    task = make(server, deferrable=False)
    with pytest.raises(TaskError, match="out of memory"):
        task.execute(context_of(task))
    server.script("GET", "/jobs/1", RUNNING, Answer(503))
    with pytest.raises(JobAnswerError, match="503"):
        task.execute(context_of(task, id="2"))


def test_a_timeout_in_the_worker_cancels_the_job(server, context_of):
    task = make(server, deferrable=False, timeout=0.05)
    with pytest.raises(DeferralTimeout, match=r"0\.05 s"):
        task.execute(context_of(task))
    assert len(server.asked("DELETE", "/jobs/1")) == 1


def test_a_kill_cancels_the_job_in_the_midst_of_the_wait(server, context_of):
    """As a runner does it: ``on_kill`` is called by a signal handler, above the running event loop."""
    task = make(server, deferrable=False)

    class Killed(BaseException):
        pass

    original = asyncio.sleep

    async def killing(delay, *args):
        if delay == 0.01:
            task.on_kill()
            raise Killed
        await original(delay, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep", killing)
        with pytest.raises(Killed):
            task.execute(context_of(task))
    assert len(server.asked("DELETE", "/jobs/1")) == 1


def test_a_kill_without_a_job_does_nothing(server):
    make(server).on_kill()
    assert not server.requests


def test_plain_http_trusts_no_certificate():
    """Reading certificates takes long; should such a client ever meet TLS, it must refuse."""
    context = tls_for("http")
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.get_ca_certs()
    assert tls_for("https") is True
