"""``bide migrate import``: what Airflow keeps, from its database or its exports."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy.exc import SQLAlchemyError
from typer.testing import Result

from bide.store.airflow_database import (
    NotReadable,
    _open,  # pyright: ignore[reportPrivateUsage]
    read_airflow_database,
)
from bide.store.airflow_history import read_history
from tests.support.airflow_tables import AIRFLOW_2, AIRFLOW_3, AirflowTables
from tests.support.postgres import PostgresServer
from tests.unit.cli.conftest import DATE, Project

Bide = Callable[..., Result]
Rows = Callable[..., Any]
KEY = Fernet.generate_key().decode()
OLDER = Fernet.generate_key().decode()

TABLES = """
CREATE TABLE connection (
    id INTEGER PRIMARY KEY, conn_id VARCHAR(250), conn_type VARCHAR(500), description TEXT, host VARCHAR(500),
    schema VARCHAR(500), login TEXT, password TEXT, port INTEGER, is_encrypted BOOLEAN, is_extra_encrypted BOOLEAN,
    extra TEXT, team_name VARCHAR(50)
);
CREATE TABLE variable (id INTEGER PRIMARY KEY, key VARCHAR(250), val TEXT, description TEXT, is_encrypted BOOLEAN);
CREATE TABLE slot_pool (id INTEGER PRIMARY KEY, pool VARCHAR(256), slots INTEGER, description TEXT);
"""


def sealed(text: str, key: str = KEY) -> str:
    return Fernet(key.encode()).encrypt(text.encode()).decode()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """As Airflow leaves one: rows of several ages, some of them encrypted."""
    path = tmp_path / "airflow.db"
    with sqlite3.connect(path) as db:
        db.executescript(TABLES + AIRFLOW_2)
        db.executemany(
            "INSERT INTO connection (conn_id, conn_type, host, login, password, port, is_encrypted, extra, "
            "is_extra_encrypted, description) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                ("pg", "postgresql", "db", "me", sealed("p@ss"), 5432, True, sealed('{"a": 1}'), True, "hello"),
                ("old", "http", "h", None, sealed("gone", OLDER), None, True, "", True, None),
                ("plain", "fs", None, None, "open", None, False, None, False, None),
            ],
        )
        db.executemany(
            "INSERT INTO variable (key, val, is_encrypted, description) VALUES (?, ?, ?, ?)",
            [("a", sealed("1"), True, None), ("b", "two", False, "said"), ("empty", None, False, None)],
        )
        db.executemany(
            "INSERT INTO slot_pool (pool, slots, description) VALUES (?, ?, ?)",
            [("default_pool", 64, "Default pool"), ("spark", -1, None)],
        )
    db.close()
    return path


def test_the_database_is_read_and_decrypted(database: Path) -> None:
    before = hashlib.sha256(database.read_bytes()).hexdigest()
    kept = read_airflow_database(f"sqlite:///{database}", [KEY, OLDER])
    pg = next(row.fields for row in kept.connections if row.conn_id == "pg")
    assert (pg.conn_type, pg.password, pg.port, pg.extra) == ("postgres", "p@ss", 5432, '{"a": 1}')
    assert {row.conn_id: row.fields.password for row in kept.connections} == {
        "pg": "p@ss",
        "old": "gone",
        "plain": "open",
    }
    assert [(row.key, row.value, row.description) for row in kept.variables] == [
        ("a", "1", ""),
        ("b", "two", "said"),
        ("empty", "", ""),
    ]
    # Older releases have no include_deferred.
    assert [(pool.name, pool.slots, pool.include_deferred) for pool in kept.pools] == [
        ("default_pool", 64, False),
        ("spark", -1, False),
    ]
    assert hashlib.sha256(database.read_bytes()).hexdigest() == before
    assert [path.name for path in database.parent.glob("airflow.db*")] == ["airflow.db"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ([], "connection 'old' is encrypted: give Airflow's key by --fernet-key"),
        ([KEY], "connection 'old' was encrypted by another key"),
        (["short"], "no Fernet key"),
    ],
)
def test_a_missing_key_is_named(database: Path, keys: list[str], words: str) -> None:
    with pytest.raises(NotReadable, match=words):
        read_airflow_database(f"sqlite:///{database}", keys)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///no/such.db", "there is no file no/such.db"),
        ("nonsense", "that is no URL of a database"),
        (
            "postgresql://ada:lovelace@127.0.0.1:1/airflow",
            r"postgresql://ada:\*\*\*@127\.0\.0\.1:1/airflow can't be",
        ),
        ("nodriver://ada:lovelace@host/x", "that is no URL of a database"),
    ],
)
def test_a_database_that_is_not_there_is_named_without_password(url: str, words: str) -> None:
    with pytest.raises(NotReadable, match=words) as caught:
        read_airflow_database(url, [])
    assert "lovelace" not in str(caught.value)


def test_another_database_is_refused(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "other.db").close()
    with pytest.raises(NotReadable, match="can't be read as Airflow's database: connection"):
        read_airflow_database(f"sqlite:///{tmp_path}/other.db", [])


def test_the_settings_say_which_database(project: Project, database: Path, bide: Bide, rows: Rows) -> None:
    (project.folder / "airflow.cfg").write_text(
        f"[core]\nfernet_key_cmd = echo {KEY},{OLDER}\n[database]\nsql_alchemy_conn = sqlite:///{database}\n"
    )
    listed = rows("migrate", "import", "--dry-run")
    assert [(row["kind"], row["name"]) for row in listed] == [
        ("connection", "old"),
        ("connection", "pg"),
        ("connection", "plain"),
        ("variable", "a"),
        ("variable", "b"),
        ("variable", "empty"),
        ("pool", "default_pool"),
        ("pool", "spark"),
    ]
    assert not (project.home / "bide.db").exists()
    assert {row["done"] for row in rows("migrate", "import")} == {"imported"}
    assert rows("connections", "get", "pg", "--show-values")["password"] == "p@ss"
    assert {pool["pool"]: pool["slots"] for pool in rows("pools", "list")} == {"default_pool": 64, "spark": -1}
    assert rows("variables", "get", "b")["value"] == "two"
    again = bide("migrate", "import")
    assert (again.exit_code, "there is a connection 'old' already" in again.stderr) == (1, True)
    left = {(row["kind"], row["name"]): row["done"] for row in rows("migrate", "import", "-a", "skip")}
    assert {kind for kind, _ in left} == {"connection", "variable", "pool"}
    assert [name for name, done in left.items() if done != "skipped"] == [("pool", "default_pool")]


def test_dags_and_their_runs_come_along(project: Project, tmp_path: Path, bide: Bide, rows: Rows) -> None:
    airflow = AirflowTables(tmp_path / "of3.db", TABLES + AIRFLOW_3)
    airflow.dag("hand", paused=True)
    airflow.dag("etl", timetable_type="CronTriggerTimetable")
    airflow.run("etl", DATE, {"report": "success"})
    airflow.run("etl", DATE + timedelta(days=1), {"report": "running"}, state="running")
    told = {"kind": "dag", "detail": "not paused, 2 runs, the last by schedule of 2026-03-31 00:00 UTC"}
    command = ("migrate", "import", "--database", airflow.url)
    assert rows(*command, "--dry-run")[0] == {**told, "name": "etl", "done": None}
    assert rows(*command, "--dry-run", "--no-history") == []
    done = bide(*command, "--output", "json")
    assert [one["detail"] for one in json.loads(done.stdout)] == [told["detail"], "paused, no runs"]
    assert "had not ended in Airflow count as failed here: etl; once Airflow is stopped" in done.stderr
    assert "set [scheduler] create_cron_data_intervals = false before DAGs run" in done.stderr
    project.put(project.etl())
    assert [run["state"] for run in rows("runs", "list", "etl")] == ["failed", "success"]
    again = rows(*command, "--runs", "1")
    assert again[0]["detail"] == "not paused, no runs, the last by schedule of 2026-03-31 00:00 UTC"


def test_a_backend_of_secrets_may_have_the_database_and_its_key(
    project: Project, database: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.folder / "plugins").mkdir()
    (project.folder / "plugins" / "vault.py").write_text(
        "from airflow.secrets import BaseSecretsBackend\n"
        "class Vault(BaseSecretsBackend):\n"
        "    def get_config(self, key):\n"
        f"        return {{'db': 'sqlite:///{database}', 'key': '{KEY},{OLDER}'}}.get(key)\n"
    )
    (project.folder / "airflow.cfg").write_text(
        "[core]\nfernet_key_secret = key\n[secrets]\nbackend = vault.Vault\n"
    )
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET", "db")
    assert len(rows("migrate", "import")) == 8
    assert rows("connections", "get", "pg", "--show-values")["password"] == "p@ss"


def test_exports_are_read(project: Project, rows: Rows) -> None:
    (project.folder / "c.env").write_text("aws=aws://?region_name=eu-west-1\n")
    (project.folder / "v.json").write_text(json.dumps({"a": 1, "d": {"value": "x", "description": "said"}}))
    (project.folder / "p.json").write_text(
        json.dumps({"spark": {"slots": 5, "description": "", "include_deferred": True}})
    )
    rows("migrate", "import", "--connections", "c.env", "--variables", "v.json", "--pools", "p.json")
    assert rows("connections", "get", "aws")["conn_type"] == "aws"
    assert rows("variables", "get", "d")["value"] == "x"
    assert rows("pools", "get", "spark")["include_deferred"]


def test_a_name_that_is_taken_ends_it_before_anything_is_written(project: Project, bide: Bide, rows: Rows) -> None:
    rows("pools", "set", "spark", "3")
    (project.folder / "v.json").write_text('{"a": "1"}')
    (project.folder / "p.json").write_text('{"spark": {"slots": 5}}')
    refused = bide("migrate", "import", "--variables", "v.json", "--pools", "p.json")
    assert refused.exit_code == 1
    assert "nothing is imported: there is a pool 'spark' already" in refused.stderr
    assert rows("variables", "list") == []


def test_what_to_read_has_to_be_said(project: Project, bide: Bide) -> None:
    nothing = bide("migrate", "import")
    assert (nothing.exit_code, "name Airflow's database" in nothing.stderr) == (2, True)
    both = bide("migrate", "import", "--pools", "p.json", "--database", "sqlite:///x")
    assert (both.exit_code, "not both" in both.stderr) == (2, True)


def test_a_database_on_postgresql_is_only_read(postgres: PostgresServer) -> None:
    url = postgres.make()
    try:
        with postgres.connect(url) as conn:
            conn.execute(TABLES.replace("INTEGER PRIMARY KEY", "SERIAL PRIMARY KEY").encode())
            tables = AIRFLOW_3.replace("INTEGER PRIMARY KEY", "SERIAL PRIMARY KEY").replace(
                "TIMESTAMP", "TIMESTAMPTZ"
            )
            conn.execute(tables.encode())
            conn.execute("INSERT INTO dag (dag_id, is_paused, is_stale) VALUES ('etl', true, false)")
            conn.execute(
                "INSERT INTO dag_run (dag_id, run_id, run_type, state, conf, logical_date, run_after) "
                "VALUES ('etl', 'r', 'manual', 'success', '{\"n\": 1}', '2026-03-29 02:00+02', "
                "'2026-03-29 00:00+00')"
            )
            conn.execute(
                "INSERT INTO connection (conn_id, conn_type, password, is_encrypted, is_extra_encrypted) "
                "VALUES ('pg', 'postgres', 'open', false, false)"
            )
            conn.execute("INSERT INTO slot_pool (pool, slots) VALUES ('spark', 5)")
        kept = read_airflow_database(url.replace("postgresql://", "postgresql+psycopg2://"), [])
        assert [(row.conn_id, row.fields.password) for row in kept.connections] == [("pg", "open")]
        assert (kept.variables, [pool.slots for pool in kept.pools]) == ([], [5])
        (past,) = read_history(url, 5)
        (run,) = past.runs
        assert (past.is_paused, run.conf, run.logical_date) == (True, b'{"n": 1}', DATE)
        with _open(url) as connection, pytest.raises(SQLAlchemyError, match="read-only transaction"):
            connection.exec_driver_sql("DELETE FROM slot_pool")
    finally:
        postgres.drop(url)
