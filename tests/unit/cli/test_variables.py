"""``bide variables`` and ``bide connections``, on a store that they make themselves."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import Result

from bide.store.schema import log
from tests.unit.cli.conftest import Project

Bide = Callable[..., Result]
Rows = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("project")


def good(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_variable_is_set_read_and_deleted(bide: Bide, rows: Rows, project: Project) -> None:
    good(bide("variables", "set", "s3_bucket", "my-data-lake", "--description", "where all is"))
    assert good(bide("variables", "get", "s3_bucket")) == "my-data-lake\n"
    assert rows("variables", "list") == [
        {"key": "s3_bucket", "value": "my-data-lake", "description": "where all is", "is_secret": False}
    ]
    good(bide("variables", "set", "s3_bucket", "other"))
    assert rows("variables", "list")[0]["description"] == "where all is", "it stays"
    good(bide("variables", "delete", "s3_bucket"))
    missing = bide("variables", "get", "s3_bucket")
    assert missing.exit_code == 1
    assert "there is no variable 's3_bucket'" in missing.stderr
    assert bide("variables", "delete", "s3_bucket").exit_code == 1
    assert good(bide("variables", "get", "s3_bucket", "--default", "d")) == "d\n"
    events = project.write(lambda tx: tx.conn.execute(sa.select(log.c.event, log.c.extra)).all())
    assert [tuple(one) for one in events] == [
        ("set_variable", "s3_bucket"),
        ("set_variable", "s3_bucket"),
        ("delete_variable", "s3_bucket"),
    ]


def test_json_variables(bide: Bide) -> None:
    good(bide("variables", "set", "sizes", '{"small": 1}', "--json"))
    assert json.loads(good(bide("variables", "get", "sizes", "-j"))) == {"small": 1}
    bad = bide("variables", "set", "sizes", "{small: 1}", "--json")
    assert bad.exit_code == 2
    assert "the value of variable 'sizes' is no JSON: Expecting property name" in bad.stderr


def test_secrets_are_shown_to_those_who_ask(bide: Bide, rows: Rows, project: Project) -> None:
    good(bide("variables", "set", "api_token", "abc123456"))
    good(bide("variables", "set", "plain", "abc", "--secret"))
    good(bide("variables", "set", "token_count", "5", "--no-secret"))
    assert {row["key"]: row["value"] for row in rows("variables", "list")} == {
        "api_token": "***",
        "plain": "***",
        "token_count": "5",
    }
    assert [row["value"] for row in rows("variables", "list", "--show-values")] == ["abc123456", "abc", "5"]
    assert b"abc123456" not in (project.home / "bide.db").read_bytes()


def test_the_environment_comes_first_as_for_tasks(bide: Bide, monkeypatch: pytest.MonkeyPatch, rows: Rows) -> None:
    good(bide("variables", "set", "colour", "red"))
    monkeypatch.setenv("AIRFLOW_VAR_COLOUR", "green")
    assert good(bide("variables", "get", "colour")) == "green\n"
    monkeypatch.setenv("BIDE_VAR_COLOUR", "blue")
    assert good(bide("variables", "get", "colour")) == "blue\n"
    monkeypatch.setenv("AIRFLOW_CONN_DB", "postgres://u:pw@h/s")
    assert rows("connections", "get", "db", "--show-values") == {
        "conn_id": "db", "conn_type": "postgres", "description": None, "host": "h", "login": "u", "password": "pw",
        "schema": "s", "port": None, "extra": None, "uri": "postgres://u:pw@h/s", "kept_by": "environment",
    }  # fmt: skip


def test_a_connection_as_the_document_adds_it(bide: Bide, rows: Rows, project: Project) -> None:
    good(
        bide(
            "connections", "add", "postgres_default", "--conn-type", "postgres", "--host", "my-db.example",
            "--schema", "my_database", "--login", "admin", "--password", "secret123", "--port", "5432",
        )
    )  # fmt: skip
    extra = '{"aws_access_key_id": "AKIA5", "aws_secret_access_key": "hunter2x"}'
    good(bide("connections", "add", "aws_default", "--conn-type", "amazon_web_services", "--extra", extra))
    shown = good(bide("connections", "list")) + good(bide("connections", "get", "aws_default"))
    assert "my-db.example" in shown
    assert "secret123" not in shown and "hunter2x" not in shown
    found = {row["conn_id"]: row for row in rows("connections", "list", "--show-values")}
    assert found["postgres_default"]["password"] == "secret123"
    assert found["aws_default"]["extra"]["aws_secret_access_key"] == "hunter2x"
    stored = (project.home / "bide.db").read_bytes()
    assert b"secret123" not in stored and b"my-db.example" not in stored
    again = bide("connections", "add", "aws_default", "--conn-uri", "aws://")
    assert again.exit_code == 1
    assert "there is a connection 'aws_default' already" in again.stderr
    good(bide("connections", "delete", "aws_default"))
    assert bide("connections", "get", "aws_default").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x"], "a connection needs --conn-type, or all of it"),
        (["x", "--conn-uri", "a://h", "--conn-host", "h"], "--conn-uri says all: leave out --conn-host"),
        (["x", "--conn-uri", "a://h", "--conn-json", "{}"], "--conn-uri says all: leave out --conn-json"),
        (["x", "--conn-type", "a", "--conn-port", "many"], "port must be a number from 0 to 65535"),
        (["a b", "--conn-type", "a"], "'a b' can't be the id of a connection"),
        (["x", "--conn-uri", "hunter2"], "connection 'x' is no URI"),
    ],
)
def test_what_is_no_connection(bide: Bide, arguments: list[str], said: str) -> None:
    result = bide("connections", "add", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "hunter2" not in result.stderr


@pytest.mark.parametrize("suffix", [".json", ".env"])
def test_all_is_exported_and_imported_again(bide: Bide, rows: Rows, project: Project, suffix: str) -> None:
    good(bide("connections", "add", "db", "--conn-uri", "postgres://u:p%40w@h:5/s?sslmode=require"))
    good(bide("connections", "add", "x", "--conn-json", '{"conn_type": "x", "extra": {"a": [1]}}'))
    good(bide("variables", "set", "api_token", "abc123456"))
    good(bide("variables", "set", "sizes", '{"small": 1}'))
    before = rows("connections", "list", "--show-values"), rows("variables", "list", "--show-values")
    for kind, names in (("connections", ("db", "x")), ("variables", ("api_token", "sizes"))):
        file = project.folder / f"{kind}{suffix}"
        good(bide(kind, "export", str(file)))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        for name in names:
            good(bide(kind, "delete", name))
        assert rows(kind, "import", str(file)) == {"imported": 2, "skipped": 0}
    assert (rows("connections", "list", "--show-values"), rows("variables", "list", "--show-values")) == before


def test_names_that_are_taken(bide: Bide, rows: Rows, project: Project) -> None:
    (project.folder / "v.json").write_text('{"a": "new", "b": {"value": "B", "is_secret": true}, "c": [1]}')
    good(bide("variables", "set", "a", "old"))
    failed = bide("variables", "import", "v.json", "-a", "fail")
    assert failed.exit_code == 1
    assert "nothing is imported: there is a variable 'a' already" in failed.stderr
    assert [row["key"] for row in rows("variables", "list")] == ["a"]
    assert rows("variables", "import", "v.json", "-a", "skip") == {"imported": 2, "skipped": 1}
    assert rows("variables", "import", "v.json") == {"imported": 3, "skipped": 0}
    assert [row["value"] for row in rows("variables", "list")] == ["new", "***", "[1]"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("v.txt", "", "the name of such a file ends in one of .json"),
        ("v.json", "{hunter2", "v.json:1:2: this is no JSON"),
        ("v.json", "[]", "v.json must be an object of keys and values, not list"),
        ("v.env", "A=1\nhunter2\n", "v.env:2: a line is KEY=VALUE"),
        ("none.json", None, "none.json can't be read: "),
    ],
)
def test_files_that_can_not_be_read(bide: Bide, project: Project, name: str, text: str | None, said: str) -> None:
    if text is not None:
        (project.folder / name).write_text(text)
    for kind in ("variables", "connections"):
        result = bide(kind, "import", name)
        assert result.exit_code == 2
        assert said in result.stderr
        assert "hunter2" not in result.stderr


def test_a_password_may_be_asked_for(bide: Bide, rows: Rows) -> None:
    from typer.testing import CliRunner

    from bide.cli.app import app

    asked = CliRunner().invoke(
        app, ["connections", "add", "x", "--conn-type", "y", "--password", "-"], input="pass1\n"
    )
    assert asked.exit_code == 0, asked.output
    assert rows("connections", "get", "x", "--show-values")["password"] == "pass1"


def test_further_words_for_secrets_are_a_setting(bide: Bide, rows: Rows, project: Project) -> None:
    (project.folder / "bide.toml").write_text('[core]\nsensitive_var_conn_names = ["Geheim"]\n')
    good(bide("variables", "set", "mein_geheimnis", "abc"))
    good(bide("connections", "add", "x", "--conn-type", "y", "--extra", '{"GEHEIM": "abc", "other": "d"}'))
    assert rows("variables", "list")[0]["value"] == "***"
    assert rows("connections", "list")[0]["extra"] == {"GEHEIM": "***", "other": "d"}
    (project.folder / "bide.toml").unlink()
    assert rows("connections", "list")[0]["extra"]["GEHEIM"] == "abc"
