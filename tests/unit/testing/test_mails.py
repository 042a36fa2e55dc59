"""Mails to ``email=`` of tasks."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Generator
from email import message_from_string, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from bide import DAG, TimeDeltaSensor, task
from bide.model.errors import TaskSkipped
from bide.testing import run_dag
from tests.support.mail_server import Mailbox, mail_server

CLEAR = {"disable_ssl": True, "disable_tls": True, "from_email": "bide@example.com"}


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Generator[Mailbox]:
    with mail_server() as found:
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": found.port, "extra": CLEAR}
        monkeypatch.setenv("BIDE_CONN_SMTP_DEFAULT", json.dumps(connection))
        yield found


def read(text: str) -> tuple[EmailMessage, str]:
    mail = message_from_string(text, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail, mail.get_content()


def failing(error: BaseException | None = None, **options: Any) -> DAG:
    with DAG("orders") as dag:

        @task(**{"email": "ada@example.com", "retry_delay": dt.timedelta(0), **options})
        def load() -> None:
            raise error or ValueError("no <space> left")

        load()
    return dag


def test_a_failure_and_the_tries_before_it_are_told(box: Mailbox) -> None:
    run_dag(failing(retries=1), raise_on_failure=False)
    (retried, first), (failed, last) = map(read, box.mails)
    assert (retried["To"], retried["From"]) == ("ada@example.com", "bide@example.com")
    assert retried["Subject"] == "Bide: orders.load is tried again"
    assert failed["Subject"] == "Bide: orders.load has failed"
    assert "Try 1 of 2 has failed; another one follows" in first
    assert "Try 2 of 2 has failed:" in last
    assert "no &lt;space&gt; left" in last
    assert "bide tasks logs orders load --run" in last


@pytest.mark.parametrize(
    ("options", "settings", "mails"),
    [
        ({"email_on_retry": False}, {}, 1),
        ({"email_on_failure": False}, {}, 1),
        ({"email": None}, {}, 0),
        ({}, {"DEFAULT_EMAIL_ON_RETRY": "False", "DEFAULT_EMAIL_ON_FAILURE": "False"}, 0),
        ({"email_on_failure": True}, {"DEFAULT_EMAIL_ON_RETRY": "False", "DEFAULT_EMAIL_ON_FAILURE": "False"}, 1),
    ],
)
def test_who_wants_no_mail_gets_none(
    monkeypatch: pytest.MonkeyPatch, box: Mailbox, options: dict[str, Any], settings: dict[str, str], mails: int
) -> None:
    for key, value in settings.items():
        monkeypatch.setenv(f"AIRFLOW__EMAIL__{key}", value)
    run_dag(failing(retries=1, **options), raise_on_failure=False)
    assert len(box.mails) == mails


def test_a_skip_is_no_failure(box: Mailbox) -> None:
    run_dag(failing(TaskSkipped("not today")))
    assert box.mails == []


def test_several_addressees_of_a_mapped_task(box: Mailbox) -> None:
    with DAG("many") as dag:

        @task(email=["ada@example.com", "bob@example.com"])
        def one(number: int) -> None:
            if number == 1:
                raise ValueError("odd")

        one.expand(number=[0, 1, 2])
    run_dag(dag, raise_on_failure=False)
    assert box.recipients == ["ada@example.com", "bob@example.com"]
    assert "map index 1" in read(box.mails[0])[1]


def test_a_task_that_ends_without_a_worker(box: Mailbox) -> None:
    with DAG("slow") as dag:
        TimeDeltaSensor(
            task_id="waits",
            delta=dt.timedelta(hours=5),
            deferrable=True,
            execution_timeout=dt.timedelta(hours=1),
            email="ada@example.com",
        )
    run_dag(dag, raise_on_failure=False)
    ((_, text),) = map(read, box.mails)
    assert "execution_timeout" in text


def test_templates_and_the_sender_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, box: Mailbox, tmp_path: Path
) -> None:
    (tmp_path / "subject").write_text("{{ ti.task_id }}: {{ exception }}")
    (tmp_path / "text").write_text("<b>{{ try_number }} of {{ max_tries + 1 }}, {{ dag.dag_id }}</b>")
    monkeypatch.setenv("BIDE__EMAIL__SUBJECT_TEMPLATE", str(tmp_path / "subject"))
    monkeypatch.setenv("BIDE__EMAIL__HTML_CONTENT_TEMPLATE", str(tmp_path / "text"))
    monkeypatch.setenv("BIDE__EMAIL__FROM_EMAIL", "night@example.com")
    run_dag(failing(), raise_on_failure=False)
    ((mail, text),) = map(read, box.mails)
    assert (mail["Subject"], mail["From"]) == ("load: no <space> left", "night@example.com")
    assert text.startswith("<b>1 of 1, orders</b>\r\n")


def test_secrets_are_masked(box: Mailbox) -> None:
    from bide.observe.masking import mask_secret

    mask_secret("hunter2hunter2")
    run_dag(failing(ValueError("login with hunter2hunter2 refused")), raise_on_failure=False)
    ((_, text),) = map(read, box.mails)
    assert "login with *** refused" in text


def test_a_mail_that_can_not_be_sent_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDE__EMAIL__EMAIL_CONN_ID", "nowhere")
    result = run_dag(failing(), raise_on_failure=False)
    assert "email_on_failure tell_of_try failed: " in result["load"].log and "nowhere" in result["load"].log


def test_a_missed_sla_is_told_once_to_everybody_concerned(box: Mailbox) -> None:
    hour = dt.timedelta(hours=1)
    with DAG("slow") as dag:
        for name, to in {"a": "ada@example.com, bob@example.com", "b": ["bob@example.com"], "c": None}.items():
            TimeDeltaSensor(task_id=name, delta=5 * hour, deferrable=True, sla=2 * hour, email=to)
        TimeDeltaSensor(task_id="in_time", delta=hour, deferrable=True, sla=2 * hour, email="carl@example.com")
    run_dag(dag)
    ((mail, text),) = map(read, box.mails)
    assert mail["Subject"] == "Bide: SLA miss of slow"
    assert box.recipients == ["ada@example.com", "bob@example.com"]
    assert [line.split(" on ")[0] for line in text.split("<pre>")[1].split("</pre>")[0].splitlines()] == [
        "a",
        "b",
        "c",
    ]
