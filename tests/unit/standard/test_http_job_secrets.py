"""Passwords in headers and URLs of HTTP jobs: nowhere in what people see, and sent all the same."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from job_server import Answer, serving

from bide.authoring.job_trigger import JobTrigger
from bide.runner.arming import wait_spec
from bide.runner.failures import described, one_line
from bide.standard.http.job import JobAnswerError, same_origin, shown
from bide.standard.operators.http_job import HttpJobOperator

SECRET = "s3cr3t-text"
HEADERS = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture
def server() -> Iterator[Any]:
    with serving() as found:
        yield found


def with_secrets(url: str) -> str:
    return url.replace("://", f"://ada:{SECRET}@") + f"?token={SECRET}#{SECRET}"


def trigger(url: str, **more: Any) -> JobTrigger:
    task = HttpJobOperator(task_id="j", endpoint="http://host/jobs", **{"headers": HEADERS, **more})
    where = with_secrets(url)
    return task._trigger("key", {"status_url": where, "cancel_method": "DELETE", "cancel_url": where})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


async def failure(of: JobTrigger) -> JobAnswerError:
    try:
        with pytest.raises(JobAnswerError) as caught:
            await of.poll()
        return caught.value
    finally:
        await of.cleanup()


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://ada:pw@host:8080/jobs/1?token=x#y", "https://host:8080/jobs/1"),
        ("http://a@b@host/p?u=//c@d", "http://host/p"),
        ("/jobs/1?x", "/jobs/1"),
        ("http://host/a@b", "http://host/a@b"),
        ("no url at all", "no url at all"),
        ("http://host?a\nb", "http://host"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, seen: str) -> None:
    assert shown(url) == seen


def test_what_is_waited_for_names_the_job_and_no_secret() -> None:
    spec = wait_spec(trigger("http://host/jobs/1"), __file__, lambda _path: pytest.fail("no file is needed"))
    assert spec.subject == "job http://host/jobs/1"
    assert SECRET.encode() in spec.kwargs


@pytest.mark.parametrize(
    ("answer", "words"), [(Answer(500, {"error": "x"}), "was answered 500"), (Answer(200, {}), "has no field")]
)
async def test_an_answer_of_no_use_is_told_without_secrets(server: Any, answer: Answer, words: str) -> None:
    server.script("GET", f"/jobs/1?token={SECRET}", answer)
    server.script("GET", "/jobs/1", answer)
    error = await failure(trigger(f"{server.url}/jobs/1"))
    assert words in one_line(error)
    assert SECRET not in described(error)


async def test_a_service_that_can_not_be_reached_is_told_without_secrets() -> None:
    error = await failure(trigger(f"http://127.0.0.1:{free_port()}/jobs/1"))
    assert "/jobs/1 was not answered" in one_line(error)
    assert SECRET not in described(error)


async def test_a_header_that_can_not_be_sent_is_told_without_its_value(server: Any) -> None:
    """As a password that was read from a file with its line's end."""
    error = await failure(trigger(f"{server.url}/jobs/1", headers={"X-Api-Key": f"{SECRET}\n"}))
    assert "can't be sent: a header has characters" in one_line(error)
    assert SECRET not in described(error)


def test_a_url_of_another_origin_is_told_without_secrets() -> None:
    with pytest.raises(JobAnswerError) as caught:
        same_origin(with_secrets("http://one/jobs"), with_secrets("http://two/jobs"), what="the status URL")
    assert "http://two/jobs" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.usefixtures("runtime")
def test_the_operator_and_its_log_show_no_secret(
    server: Any, context_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"/jobs/1?token={SECRET}"
    server.script("POST", f"/jobs?token={SECRET}", Answer(202, {"status_url": url}))
    server.script("GET", url, Answer(200, {"state": "Succeeded", "result": 1}))
    caplog.set_level(logging.DEBUG, logger="bide")
    endpoint = f"{server.url}/jobs?token={SECRET}"
    task = HttpJobOperator(task_id="j", endpoint=endpoint, headers=HEADERS, deferrable=False)
    assert task.execute(context_of(task)) == 1
    assert f"submitted job {server.url}/jobs/1" in caplog.text
    assert SECRET not in caplog.text
