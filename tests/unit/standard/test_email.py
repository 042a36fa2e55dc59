"""Mail, handed in at a server on the loopback."""

from __future__ import annotations

import json
import socket
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import pytest
from tests.support.mail_server import Mailbox, certificate, mail_server

from bide import DAG, EmailOperator
from bide.testing import run_dag


def use(monkeypatch: pytest.MonkeyPatch, box: Mailbox, conn_id: str = "smtp_default", **fields: Any) -> None:
    """Let the connection be the server of `box`."""
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": box.port, **fields}
    monkeypatch.setenv(f"BIDE_CONN_{conn_id.upper()}", json.dumps(connection))


def dag_of(**options: Any) -> DAG:
    with DAG("d") as dag:
        EmailOperator(
            **{
                "task_id": "mail",
                "to": "ada@example.com",
                "subject": "Hello",
                "html_content": "<b>x</b>",
                **options,
            }
        )
    return dag


def outcome(dag: DAG) -> tuple[str, str]:
    found = run_dag(dag, raise_on_failure=False, logical_date="2026-03-01")["mail"]
    return found.state, found.error


CLEAR = {"disable_ssl": True, "disable_tls": True, "from_email": "bide@example.com"}


def test_a_mail_arrives_with_all_that_it_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_text("a,b\n")
    (tmp_path / "blob").write_bytes(b"\x00\x01")
    dag = dag_of(
        to=["ada@example.com", "bob@example.com"],
        cc="carl@example.com; dora@example.com",
        bcc=["eve@example.com"],
        subject="Figures of {{ ds }}",
        html_content="<b>{{ ds }}</b>",
        files=[str(tmp_path / "report.csv"), str(tmp_path / "blob")],
        custom_headers={"Reply-To": "team@example.com"},
    )
    with mail_server() as box:
        use(monkeypatch, box, extra=CLEAR)
        assert outcome(dag) == ("success", "")
    assert box.recipients == [f"{name}@example.com" for name in ("ada", "bob", "carl", "dora", "eve")]
    mail = message_from_string(box.mails[0], policy=policy.default)
    assert (mail["Subject"], mail["From"]) == ("Figures of 2026-03-01", "bide@example.com")
    assert mail["To"] == "ada@example.com, bob@example.com" and mail["Cc"] == "carl@example.com, dora@example.com"
    assert mail["Bcc"] is None and mail["Reply-To"] == "team@example.com"
    text, table, blob = mail.iter_parts()
    assert text.get_content().strip() == "<b>2026-03-01</b>" and text.get_content_type() == "text/html"
    assert (table.get_filename(), table.get_content_type()) == ("report.csv", "text/csv")
    assert (blob.get_filename(), blob.get_content()) == ("blob", b"\x00\x01")


@pytest.mark.parametrize("at_once", [True, False])
def test_encryption_and_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at_once: bool) -> None:
    with mail_server(tls=certificate(tmp_path), at_once=at_once) as box:
        extra = {"disable_ssl": not at_once, "ssl_context": "none"}
        use(monkeypatch, box, "mine", login="bide@example.com", password="s3cret", extra=extra)
        assert outcome(dag_of(conn_id="mine")) == ("success", "")
    assert (box.encrypted, box.logins) == ([True], ["|bide@example.com|s3cret"])


def test_a_server_that_can_not_be_trusted_gets_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with mail_server(tls=certificate(tmp_path)) as box:
        use(monkeypatch, box, login="bide@example.com", password="s3cret")
        state, error = outcome(dag_of())
    assert state == "failed" and "CERTIFICATE_VERIFY_FAILED" in error
    assert (box.mails, box.logins) == ([], [])


def test_a_server_without_encryption_is_not_told_anything_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as box:
        use(monkeypatch, box, login="bide@example.com", password="s3cret")
        state, error = outcome(dag_of())
    assert state == "failed" and "STARTTLS" in error and box.logins == []


def test_without_a_connection_the_settings_count(monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as box:
        monkeypatch.setenv("BIDE__SMTP__SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("BIDE__SMTP__SMTP_PORT", str(box.port))
        monkeypatch.setenv("BIDE__SMTP__SMTP_STARTTLS", "false")
        monkeypatch.setenv("BIDE__SMTP__SMTP_MAIL_FROM", "bide@example.com")
        assert outcome(dag_of()) == ("success", "")
    assert box.recipients == ["ada@example.com"]


def test_what_is_refused_fails_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server(refuse="bob") as box:
        use(monkeypatch, box, extra=CLEAR)
        state, error = outcome(dag_of(to="ada@example.com, bob@example.com"))
    assert state == "failed" and "127.0.0.1 refuses bob@example.com; the others have got the mail" in error
    assert len(box.mails) == 1


def test_a_server_that_is_not_there_fails_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        use(monkeypatch, Mailbox(port=free.getsockname()[1]), extra=CLEAR)
        state, error = outcome(dag_of())
    assert state == "failed" and "the mail could not be handed in at 127.0.0.1:" in error


@pytest.mark.parametrize(
    ("options", "extra", "message"),
    [
        ({"to": ""}, CLEAR, "the mail has no recipient"),
        ({}, {"disable_tls": True}, "the mail has no sender"),
        ({"files": ["/no/such/file"]}, CLEAR, "the file /no/such/file can't be attached"),
        ({"conn_id": "nowhere"}, CLEAR, "nowhere"),
    ],
)
def test_a_mail_that_can_not_be_is_refused(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], extra: dict[str, Any], message: str
) -> None:
    use(monkeypatch, Mailbox(port=1), extra=extra)
    state, error = outcome(dag_of(**options))
    assert state == "failed" and message in error
