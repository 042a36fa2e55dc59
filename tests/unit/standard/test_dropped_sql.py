"""SQL operators that packages have dropped pass on what they were given to the one that took over."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from bide.authoring.operator import BaseOperator

PLACE = "airflow.providers.common.sql.operators.sql"


class SQLExecuteQueryOperator(BaseOperator):
    """Stands in for that of the package common-sql, which the tests of the core have not installed."""

    def __init__(
        self, *, sql: str, conn_id: str | None = None, hook_params: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.given = (sql, conn_id, hook_params)


@pytest.fixture
def dropped(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    name = "bide.standard.operators.dropped_sql"
    standing_in = ModuleType(PLACE)
    standing_in.__dict__["SQLExecuteQueryOperator"] = SQLExecuteQueryOperator
    monkeypatch.setitem(sys.modules, PLACE, standing_in)
    monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module(name)
    sys.modules.pop(name, None)


def test_snowflake(dropped: ModuleType) -> None:
    task = dropped.SnowflakeOperator(
        task_id="t", sql="SELECT 1", warehouse="WH", schema="GOLD", hook_params={"schema": "SILVER", "region": "eu"}
    )
    params = {"warehouse": "WH", "schema": "SILVER", "region": "eu"}
    assert task.given == ("SELECT 1", "snowflake_default", params)


def test_defaults_reach_the_arguments_of_old(dropped: ModuleType) -> None:
    task = dropped.SnowflakeOperator(task_id="t", sql="SELECT 1", default_args={"snowflake_conn_id": "other"})
    assert task.given == ("SELECT 1", "other", {})


def test_settings_of_postgresql(dropped: ModuleType) -> None:
    task = dropped.PostgresOperator(
        task_id="t", sql="SELECT 1", runtime_parameters={"statement_timeout": "3s", "work_mem": "8MB"}
    )
    options = {"options": "-c statement_timeout=3s -c work_mem=8MB"}
    assert task.given == ("SELECT 1", "postgres_default", options)


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("MySqlOperator", "mysql_conn_id"),
        ("SqliteOperator", "sqlite_conn_id"),
        ("MsSqlOperator", "mssql_conn_id"),
        ("RedshiftSQLOperator", "redshift_conn_id"),
    ],
)
def test_the_others_name_their_connection(dropped: ModuleType, name: str, argument: str) -> None:
    task = getattr(dropped, name)(task_id="t", sql="SELECT 1", **{argument: "mine"})
    assert task.given == ("SELECT 1", "mine", None)
    task = getattr(dropped, name)(task_id="u", sql="SELECT 1")
    assert task.given[1] == argument.replace("_conn_id", "_default")
