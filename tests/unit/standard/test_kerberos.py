"""Tickets of Kerberos, with a command that stands for ``kinit``."""

from pathlib import Path

import pytest

from bide.model.errors import ConfigError
from bide.standard.kerberos import renew_from_kt


@pytest.fixture
def kinit(tmp_path, monkeypatch):
    """Writes down its arguments; ends with 3 for the keytab ``bad``."""
    command = tmp_path / "kinit"
    command.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/args\ncase "$*" in *bad*) echo no keys >&2; exit 3;; esac\n'
    )
    command.chmod(0o755)
    monkeypatch.setenv("AIRFLOW__KERBEROS__KINIT_PATH", str(command))
    monkeypatch.setenv("AIRFLOW__KERBEROS__CCACHE", "/tmp/cache")
    return tmp_path / "args"


def test_a_ticket_is_asked_for(kinit: Path):
    assert renew_from_kt("etl@EXAMPLE.ORG", "/keys/etl.keytab") == 0
    assert kinit.read_text().split() == [
        "-r",
        "3600m",
        "-k",
        "-t",
        "/keys/etl.keytab",
        "-c",
        "/tmp/cache",
        "etl@EXAMPLE.ORG",
    ]


def test_a_failure_ends_the_process_or_is_told(kinit: Path, caplog):
    with pytest.raises(SystemExit, match="3"):
        renew_from_kt("etl", "/keys/bad.keytab")
    assert renew_from_kt("etl", "/keys/bad.keytab", exit_on_fail=False) == 3
    assert "no keys" in caplog.text


def test_what_is_missing_is_named(monkeypatch):
    with pytest.raises(ConfigError, match=r"set \[kerberos\] keytab"):
        renew_from_kt("etl", "")
    monkeypatch.setenv("AIRFLOW__KERBEROS__KINIT_PATH", "/no/such/kinit")
    with pytest.raises(ConfigError, match=r"no command '/no/such/kinit'"):
        renew_from_kt("etl", "/keys/etl.keytab")
