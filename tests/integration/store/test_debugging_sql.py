"""Queries that people who know Airflow's database run on it, as they are written, on the PostgreSQL store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bide.control.pause_dag import pause_dag
from bide.wire.messages import PushXCom
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine
from tests.support.postgres import PostgresServer
from tests.support.stores import ON_POSTGRESQL

pytestmark = [pytest.mark.usefixtures("no_blocking"), ON_POSTGRESQL]

FAILED_TODAY = """
-- Find all failed task instances in the last 24 hours
SELECT
dag_id, task_id, execution_date, state,
start_date, end_date,
EXTRACT(EPOCH FROM (end_date - start_date)) AS duration_seconds
FROM task_instance
WHERE state = 'failed'
AND start_date >= NOW() - INTERVAL '24 hours'
ORDER BY start_date DESC;
"""
XCOMS = """
-- Check XCom values passed between tasks
SELECT dag_id, task_id, key, value
FROM xcom
WHERE dag_id = 'orders_etl'
AND execution_date = '2024-01-15';
"""
DAGS = "SELECT dag_id, timetable_summary, is_active, is_paused, fileloc, owners FROM dag"
RUNS = "SELECT dag_id, run_id, run_type, state, execution_date, logical_date, start_date, end_date FROM dag_run"
LOG = "SELECT dttm, dag_id, task_id, event, owner, extra FROM log WHERE event = 'pause_dag'"
SLOW = """
SELECT task_id, run_id, map_index, try_number, duration, operator, pool, queue FROM task_instance
WHERE state = 'success' ORDER BY duration DESC
"""


@pytest.fixture
def ask(postgres: PostgresServer, store_url: str) -> Any:
    """Runs a query on a connection of its own, as `psql` does; rows by column."""

    def run(query: str) -> list[dict[str, Any]]:
        with postgres.connect(store_url) as conn:
            conn.execute("SET TIME ZONE 'UTC'")
            cursor = conn.execute(query.encode())
            assert cursor.description is not None
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return run


async def test_they_run_as_they_are(engine: HandEngine, ask: Any) -> None:
    engine.clock.move_to(max(datetime.now(UTC), engine.clock.now()))
    date = datetime(2024, 1, 15, tzinfo=UTC)
    await engine.run_of(dag_spec("orders_etl", {"extract": [], "load": ["extract"]}), logical_date=date)
    await engine.start()
    await engine.ask(engine.started("extract"), PushXCom("s3_path", b'"s3://bucket/file"'))
    engine.clock.advance(3)
    await engine.finish("extract")
    await engine.start()
    engine.clock.advance(2.5)
    await engine.finish("load", "failed")
    await pause_dag(engine.store, "orders_etl", True, by="ada")

    (failed,) = ask(FAILED_TODAY)
    assert (failed["dag_id"], failed["task_id"], failed["execution_date"]) == ("orders_etl", "load", date)
    assert float(failed["duration_seconds"]) == 2.5
    assert ask(XCOMS) == [
        {"dag_id": "orders_etl", "task_id": "extract", "key": "s3_path", "value": b'"s3://bucket/file"'}
    ]
    (dag,) = ask(DAGS)
    assert (dag["dag_id"], dag["is_active"], dag["is_paused"]) == ("orders_etl", True, True)
    (run,) = ask(RUNS)
    assert (run["state"], run["execution_date"], run["logical_date"]) == ("failed", date, date)
    (logged,) = ask(LOG)
    assert (logged["owner"], logged["dag_id"]) == ("ada", "orders_etl")
    (slow,) = ask(SLOW)
    assert (slow["task_id"], slow["duration"], slow["try_number"]) == ("extract", 3.0, 1)
