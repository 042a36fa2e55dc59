"""Tables of runs as Airflow 2.10 and Airflow 3 leave them in SQLite, with the columns that anybody reads."""

from __future__ import annotations

import json
import pickle
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

_INSTANCE = """
CREATE TABLE task_instance (
    task_id VARCHAR(250), dag_id VARCHAR(250), run_id VARCHAR(250), map_index INTEGER DEFAULT -1,
    start_date TIMESTAMP, end_date TIMESTAMP, duration FLOAT, state VARCHAR(20), try_number INTEGER,
    max_tries INTEGER, pool VARCHAR(256), pool_slots INTEGER, queue VARCHAR(256), priority_weight INTEGER,
    operator VARCHAR(1000)
);
"""
AIRFLOW_2 = (
    """
CREATE TABLE dag (
    dag_id VARCHAR(250), is_paused BOOLEAN, is_subdag BOOLEAN, is_active BOOLEAN, fileloc VARCHAR(2000),
    next_dagrun_data_interval_start TIMESTAMP
);
CREATE TABLE dag_run (
    id INTEGER PRIMARY KEY, dag_id VARCHAR(250), queued_at TIMESTAMP, execution_date TIMESTAMP,
    start_date TIMESTAMP, end_date TIMESTAMP, state VARCHAR(50), run_id VARCHAR(250), run_type VARCHAR(50),
    conf BLOB, data_interval_start TIMESTAMP, data_interval_end TIMESTAMP
);
CREATE TABLE xcom (
    dag_run_id INTEGER, task_id VARCHAR(250), map_index INTEGER DEFAULT -1, key VARCHAR(512),
    dag_id VARCHAR(250), run_id VARCHAR(250), value BLOB, timestamp TIMESTAMP
);
"""
    + _INSTANCE
)
AIRFLOW_3 = (
    """
CREATE TABLE dag (
    dag_id VARCHAR(250), is_paused BOOLEAN, is_stale BOOLEAN, timetable_type VARCHAR(255),
    next_dagrun_data_interval_start TIMESTAMP
);
CREATE TABLE dag_run (
    id INTEGER PRIMARY KEY, dag_id VARCHAR(250), queued_at TIMESTAMP, logical_date TIMESTAMP,
    start_date TIMESTAMP, end_date TIMESTAMP, state VARCHAR(50), run_id VARCHAR(250), run_type VARCHAR(50),
    triggering_user_name VARCHAR(512), conf JSON, data_interval_start TIMESTAMP, data_interval_end TIMESTAMP,
    run_after TIMESTAMP
);
CREATE TABLE xcom (
    dag_run_id INTEGER, task_id VARCHAR(250), map_index INTEGER DEFAULT -1, key VARCHAR(512),
    dag_id VARCHAR(250), run_id VARCHAR(250), value JSON, timestamp TIMESTAMP
);
"""
    + _INSTANCE
)


class AirflowTables:
    """A database of one release, filled by a test."""

    def __init__(self, path: Path, tables: str = AIRFLOW_2) -> None:
        self.path = path
        self._is_3 = "is_stale" in tables
        with sqlite3.connect(path) as db:
            db.executescript(tables)
        db.close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"sqlite:///{self.path}"

    def put(self, table: str, **row: Any) -> None:
        """Insert a row."""
        values = {name: _text(value) for name, value in row.items()}
        places = ", ".join("?" * len(values))
        with sqlite3.connect(self.path) as db:
            db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", list(values.values()))
        db.close()

    def dag(self, dag_id: str, *, paused: bool = False, gone: bool = False, **row: Any) -> None:
        """A DAG that Airflow knows."""
        gone_or_not: dict[str, Any] = {"is_stale": gone} if self._is_3 else {"is_active": not gone}
        self.put("dag", dag_id=dag_id, is_paused=paused, **gone_or_not, **row)

    def run(
        self,
        dag_id: str,
        date: datetime,
        states: Mapping[str, str | None] | None = None,
        *,
        state: str = "success",
        kind: str = "scheduled",
        conf: object = None,
        **row: Any,
    ) -> str:
        """A run of one day, with the states of its tasks by id, or by ``id[index]``; the answer is its id."""
        run_id = f"{kind}__{date.isoformat()}"
        end = date + timedelta(days=1)
        if self._is_3:
            own = {"logical_date": date, "run_after": end, "conf": json.dumps(conf)}
        else:
            own = {"execution_date": date, "conf": pickle.dumps(conf)}
        common = {"dag_id": dag_id, "run_id": run_id, "run_type": kind, "state": state, "queued_at": end}
        interval = {"data_interval_start": date, "data_interval_end": end}
        ended = {"start_date": end, "end_date": end if state in ("success", "failed") else None}
        self.put("dag_run", **{**common, **interval, **ended, **own, **row})
        for name, one in (states or {}).items():
            task_id, _, index = name.rstrip("]").partition("[")
            self.put(
                "task_instance",
                **{"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": int(index or -1)},
                **{"state": one, "try_number": 1, "max_tries": 2, "pool": "default_pool", "pool_slots": 1},
                **{"operator": "PythonOperator", "end_date": end, "duration": 1.5, "priority_weight": 3},
            )
        return run_id

    def xcom(self, dag_id: str, run_id: str, task_id: str, value: object, *, index: int = -1) -> None:
        """What a task has left; bytes are stored as they are."""
        stored = value if isinstance(value, bytes) else json.dumps(value)
        stored = stored.encode() if isinstance(stored, str) and not self._is_3 else stored
        place = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": index}
        self.put("xcom", **place, key="return_value", value=stored)


def _text(value: object) -> object:
    return value.isoformat(" ").removesuffix("+00:00") + ".000000" if isinstance(value, datetime) else value
