"""What is said of a failure: where a connection leads, if what it leads to may be to blame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextvars import copy_context

import pytest

from bide.authoring.connection import Connection
from bide.authoring.used_connections import note_connections, used_connections
from bide.model.errors import BideError
from bide.runner.failures import one_line, told_connections


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What one test has looked up is nothing to the next one in this process."""
    yield
    note_connections()


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task has looked up one connection."""
    secret = {"conn_type": "airbyte", "host": "http://sync.example.com:8006/v1/hook?key=s3cret", "password": "pw77"}
    monkeypatch.setenv("BIDE_CONN_AIRBYTE_DEFAULT", json.dumps(secret))
    note_connections()
    Connection.get("airbyte_default")


def _wrapped(cause: Exception) -> BideError:
    """What hooks make of an error."""
    try:
        try:
            raise cause
        except Exception as error:
            raise BideError(str(error)) from error
    except BideError as error:
        return error


@pytest.mark.usefixtures("looked_up")
class TestOneLine:
    WHERE = " (connection airbyte_default: http://sync.example.com:8006)"

    def test_who_can_not_be_reached(self) -> None:
        error = _wrapped(ConnectionRefusedError(111, "Connection refused"))
        assert one_line(error) == f"BideError: [Errno 111] Connection refused{self.WHERE}"

    def test_whose_answer_is_no_json(self) -> None:
        with pytest.raises(json.JSONDecodeError) as failure:
            json.loads("<html>")
        assert one_line(failure.value) == f"JSONDecodeError: Expecting value: line 1 column 1 (char 0){self.WHERE}"

    def test_who_does_not_take_the_login(self) -> None:
        error = BideError("Unexpected status code 401 from token endpoint")
        assert one_line(error) == f"BideError: Unexpected status code 401 from token endpoint{self.WHERE}"

    def test_not_twice(self) -> None:
        error = TimeoutError("no answer of sync.example.com within 5 s")
        assert one_line(error) == "TimeoutError: no answer of sync.example.com within 5 s"

    def test_not_of_errors_of_the_task_itself(self) -> None:
        assert one_line(ValueError("41 rows")) == "ValueError: 41 rows"


@pytest.mark.usefixtures("looked_up")
def test_the_log_is_told_hosts_and_no_secrets() -> None:
    assert told_connections() == "airbyte_default (http://sync.example.com:8006)"


@pytest.mark.usefixtures("looked_up")
def test_each_task_has_its_own() -> None:
    copy_context().run(note_connections)
    assert list(used_connections()) == ["airbyte_default"]


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("postgres://ada:pw@db.example.com:5432/orders", "db.example.com:5432"),
        ("sqlite:////tmp/warehouse.db", "sqlite"),
        ("aws://", "aws"),
    ],
)
def test_places(monkeypatch: pytest.MonkeyPatch, uri: str, place: str) -> None:
    monkeypatch.setenv("BIDE_CONN_ONE", uri)
    note_connections()
    Connection.get("one")
    assert used_connections() == {"one": place}
