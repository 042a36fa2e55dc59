"""Run the example DAGs that come with releases of Airflow, as they are, on a server of their own.

Each release is fetched from the package index; nothing of it is kept. The environment is ``.venv-examples``, in
which the examples also lie where Airflow has them (``airflow.example_dags``), since some import others from there.
Of each release it prints how many files can be imported and how many DAGs succeed, and of the others why not. Ends
with exit code 1 if there is one for whose failure there is no good reason.

    uv run python scripts/example_sweep.py [VERSION ...]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-examples"
#: Releases, with the package that has the examples and a Python that it accepts.
RELEASES = {
    "3.3.2": ("apache-airflow-core", "3.11"),
    "2.10.5": ("apache-airflow", "3.11"),
    "2.3.4": ("apache-airflow", "3.8"),
    "2.0.2": ("apache-airflow", "3.8"),
    "1.10.15": ("apache-airflow", "3.8"),
}
#: What examples import beside Airflow.
FURTHER = ("colorama", "dill", "duckdb", "fastparquet", "numpy", "pandas", "pyarrow")
#: What runs are given, as the examples say.
CONFS: dict[str, dict[str, Any]] = {
    "example_params_ui_tutorial": {"required_field": "example"},
    "example_passing_params_via_test_command": {"foo": "bar"},
    "example_trigger_target_dag": {"message": "hello"},
}
#: Files that are not meant to be imported here, and why.
REFUSED = {
    "example_asset_partition.py": "partitions of assets",
    "example_http_operator.py": "needs the package http",
    "example_kubernetes_executor_config.py": "imports examples of Airflow that were never part of it",
    "example_pig_operator.py": "needs Pig",
    "example_subdag_operator.py": "sub-DAGs are task groups now",
    "example_trigger_controller_dag.py": "argument of Airflow 1 that Airflow 2 has dropped",
}
#: DAGs that need not succeed, and why.
EXCUSED = {
    "example_bash_decorator": "looks for files of Airflow in the current folder",
    "example_complex": "of 1.10: a function with an argument that it is not given",
    "example_dag_decorator": "asks a service on the Internet",
    "example_external_task_marker_child": "waits for a run of the same date",
    "example_failed_dag": "fails on purpose",
    "example_params_ui_tutorial": "needs what a form gives",
    "example_passing_params_via_test_command": "needs a param that only a test gives",
    "example_retry_policy": "asks a service on the Internet",
    "example_sensors": "waits for times of day and for files",
    "example_trigger_target_dag": "needs the conf of the DAG that triggers it",
    "read_asset_event_from_classic": "needs an event that another DAG makes",
    "test_utils": "sleeps forever",
    "tutorial_objectstorage": "asks services on the Internet",
}
#: Seconds without a new DAG after which all files have been read, and seconds that the runs may take.
SETTLED, PATIENCE = 15, 300


def install() -> Path:
    """Bide, built as it is, with what examples need; the environment's Python."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, ENVIRONMENT], check=True)
    with tempfile.TemporaryDirectory(prefix="bide-examples-") as folder:
        for project in (ROOT, ROOT / "compat"):
            subprocess.run(["uv", "build", "--quiet", "--wheel", "--out-dir", folder, project], check=True)
        command = ["uv", "pip", "install", "--quiet", "--python", python]
        fresh = ["--reinstall-package", "bide", "--reinstall-package", "bide-airflow"]
        subprocess.run([*command, *fresh, *Path(folder).glob("*.whl"), *FURTHER], check=True)
    return python


def fetch(version: str, folder: Path) -> Path:
    """The example DAGs of a release."""
    package, python = RELEASES[version]
    options = ["--no-deps", "--only-binary", ":all:", "--python-version", python, "--target", folder]
    subprocess.run(["uv", "pip", "install", "--quiet", *options, f"{package}=={version}"], check=True)
    return folder / "airflow" / "example_dags"


@contextmanager
def server(python: Path, dags: Path, home: Path) -> Generator[httpx.Client]:
    """A server of these DAGs; asks its API."""
    env = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    env |= {"BIDE_HOME": str(home / "state"), "BIDE__CORE__PLUGINS_FOLDER": str(dags / "plugins")}
    told = home / "told"
    command = [python.with_name("bide"), "standalone", "--port", "0", "--dags", dags]
    with told.open("w") as out:
        process = subprocess.Popen(command, cwd=home, env=env, stdout=out, stderr=out)
    try:
        while (found := re.search(r"listens at (\S+):", told.read_text())) is None:
            if process.poll() is not None:
                sys.exit(told.read_text())
            time.sleep(0.1)
        login = ("admin", (home / "state" / "password").read_text().strip())
        with httpx.Client(base_url=f"{found[1]}/api/v2", auth=login, timeout=60) as client:
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def read_all(client: httpx.Client) -> tuple[list[str], dict[str, str]]:
    """Ids of all DAGs, and the last line of the error of each file that can't be imported."""
    since, before = time.monotonic(), None
    while True:
        dags = [one["dag_id"] for one in client.get("/dags", params={"limit": 1000}).json()["dags"]]
        found = client.get("/importErrors", params={"limit": 100}).json()["import_errors"]
        errors = {Path(one["filename"]).name: one["stack_trace"].strip().splitlines()[-1] for one in found}
        if (len(dags), len(errors)) != before:
            since, before = time.monotonic(), (len(dags), len(errors))
        if time.monotonic() - since > SETTLED:
            return sorted(dags), errors
        time.sleep(0.5)


def run_all(client: httpx.Client, dags: list[str]) -> dict[str, str]:
    """How a run of each DAG ended: success, or in which tasks not."""
    runs: dict[str, str] = {}
    ended: dict[str, str] = {}
    for dag_id in dags:
        reply = client.post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": CONFS.get(dag_id, {})})
        if reply.is_success:
            runs[dag_id] = reply.json()["dag_run_id"]
        else:
            ended[dag_id] = reply.json()["detail"]
    until = time.monotonic() + PATIENCE
    while len(ended) < len(dags) and not (ended.keys() | EXCUSED.keys()).issuperset(dags):
        for dag_id in [one for one in runs if one not in ended]:
            state = client.get(f"/dags/{dag_id}/dagRuns/{runs[dag_id]}").json()["state"]
            if state in ("success", "failed") or time.monotonic() > until:
                ended[dag_id] = state if state == "success" else f"{state}: {tasks(client, dag_id, runs[dag_id])}"
        time.sleep(1)
    return {dag_id: ended.get(dag_id, "goes on") for dag_id in dags}


def tasks(client: httpx.Client, dag_id: str, run_id: str) -> str:
    """What has not succeeded."""
    found = client.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 1000}).json()
    wrong = [one for one in found["task_instances"] if one["state"] not in ("success", "skipped")]
    return ", ".join(f"{one['task_id']} {one['state']}" for one in wrong)


def sweep(python: Path, version: str) -> bool:
    """Whether all is as it should be with the examples of a release."""
    with tempfile.TemporaryDirectory(prefix="bide-examples-") as folder:
        (home := Path(folder) / "home").mkdir()
        dags = fetch(version, Path(folder) / "release")
        [place] = ENVIRONMENT.glob("lib/*/site-packages/airflow")
        shutil.rmtree(place / "example_dags", ignore_errors=True)
        shutil.copytree(dags, place / "example_dags")
        with server(python, dags, home) as client:
            found, errors = read_all(client)
            ends = run_all(client, found)
        files = len(list(dags.rglob("*.py")))
    good = sum(end == "success" for end in ends.values())
    print(f"{version}: {files - len(errors)} of {files} files, {good} of {len(found)} DAGs succeed")
    bad = {name: text for name, text in errors.items() if name not in REFUSED}
    bad |= {dag_id: end for dag_id, end in ends.items() if end != "success" and dag_id not in EXCUSED}
    for name in sorted(errors.keys() - bad.keys()):
        print(f"  {name}: {REFUSED[name]}")
    for name in sorted(dag_id for dag_id, end in ends.items() if end != "success" and dag_id in EXCUSED):
        print(f"  {name}: {EXCUSED[name]}")
    for name, text in sorted(bad.items()):
        print(f"  WRONG {name}: {text}")
    return not bad


def main() -> None:
    """Sweep all releases that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", metavar="VERSION", choices=[[], *RELEASES])
    versions = parser.parse_args().versions or list(RELEASES)
    python = install()
    sys.exit(not all(list(map(partial(sweep, python), versions))))


if __name__ == "__main__":
    main()
