"""Operators for one kind of database each, which provider packages had until ``SQLExecuteQueryOperator`` took over.

Importing this needs the package common-sql.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bide.authoring.dotted_names import import_string
from bide.authoring.operator import BaseOperator

if TYPE_CHECKING:

    class _SqlOperator(BaseOperator):
        def __init__(self, **kwargs: Any) -> None: ...

else:
    _SqlOperator = import_string("airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator")


def _hook_params(given: Mapping[str, Any] | None, **wanted: Any) -> dict[str, Any]:
    """Arguments of the hook: those that the operator was given by name, and over them its own ``hook_params``."""
    return {**{name: value for name, value in wanted.items() if value is not None}, **(given or {})}


class SnowflakeOperator(_SqlOperator):
    """SQL on Snowflake; what is given here goes before what the connection says."""

    def __init__(
        self,
        *,
        snowflake_conn_id: str = "snowflake_default",
        warehouse: str | None = None,
        database: str | None = None,
        role: str | None = None,
        schema: str | None = None,
        authenticator: str | None = None,
        session_parameters: Mapping[str, Any] | None = None,
        hook_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        params = _hook_params(
            hook_params,
            warehouse=warehouse,
            database=database,
            role=role,
            schema=schema,
            authenticator=authenticator,
            session_parameters=session_parameters,
        )
        super().__init__(conn_id=snowflake_conn_id, hook_params=params, **kwargs)


class PostgresOperator(_SqlOperator):
    """SQL on PostgreSQL; `runtime_parameters` are settings of the server for these statements."""

    def __init__(
        self,
        *,
        postgres_conn_id: str = "postgres_default",
        runtime_parameters: Mapping[str, str] | None = None,
        hook_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in (runtime_parameters or {}).items()) or None
        super().__init__(conn_id=postgres_conn_id, hook_params=_hook_params(hook_params, options=options), **kwargs)


class MySqlOperator(_SqlOperator):
    """SQL on MySQL."""

    def __init__(self, *, mysql_conn_id: str = "mysql_default", **kwargs: Any) -> None:
        super().__init__(conn_id=mysql_conn_id, **kwargs)


class SqliteOperator(_SqlOperator):
    """SQL on SQLite."""

    def __init__(self, *, sqlite_conn_id: str = "sqlite_default", **kwargs: Any) -> None:
        super().__init__(conn_id=sqlite_conn_id, **kwargs)


class MsSqlOperator(_SqlOperator):
    """SQL on Microsoft SQL Server."""

    def __init__(self, *, mssql_conn_id: str = "mssql_default", **kwargs: Any) -> None:
        super().__init__(conn_id=mssql_conn_id, **kwargs)


class RedshiftSQLOperator(_SqlOperator):
    """SQL on Amazon Redshift."""

    def __init__(self, *, redshift_conn_id: str = "redshift_default", **kwargs: Any) -> None:
        super().__init__(conn_id=redshift_conn_id, **kwargs)
