"""The package apache-spark with Spark itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.providers.conftest import MakeFolder

pytestmark = pytest.mark.spark

DAY = "2024-05-06"


def test_jobs_are_submitted_and_waited_for(make_folder: MakeFolder, tmp_path: Path) -> None:
    connection = {"conn_type": "spark", "host": "local[1]"}
    folder = make_folder(
        "spark_.py",
        "spark_job.py",
        AIRFLOW_CONN_SPARK_DEFAULT=json.dumps(connection),
        AIRFLOW_VAR_OUTPUT=str(tmp_path),
    )
    run = folder.dag_run("spark_", "--logical-date", DAY, code=1)
    assert run.end("run_spark_etl") == "success"
    written = "".join(path.read_text() for path in (tmp_path / DAY).glob("part-*.json"))
    assert json.loads(written) == {"day": DAY, "sum(amount)": 42}
    assert "--name airflow_etl_job" in run.log("run_spark_etl")
    assert run.end("fails") == "failed"
    assert "Cannot execute" in run.tasks["fails"]["error"]
