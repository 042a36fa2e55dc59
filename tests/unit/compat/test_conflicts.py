"""Beside a real Airflow the alias package refuses to work."""

import os
import subprocess
import sys

import pytest


def import_airflow(*extra_path):
    path = os.pathsep.join([*map(str, extra_path), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", "import airflow; print(airflow.__version__)"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["apache-airflow-core", "apache-airflow", "apache-airflow-providers-standard"])
def test_an_installed_airflow_is_refused_by_name(tmp_path, name):
    info = tmp_path / f"{name.replace('-', '_')}-9.8.7.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.8.7\n")
    ended = import_airflow(tmp_path)
    assert ended.returncode != 0
    assert f"ImportError: bide-airflow provides the package 'airflow', and so does {name} 9.8.7" in ended.stderr
    assert f"pip uninstall {name}'" in ended.stderr


def test_alone_it_is_imported():
    ended = import_airflow()
    assert ended.stdout == "3.3.2\n", ended.stderr
