"""Command lines that are more than renamed words: how each is made of what was given."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bide.cli.airflow.options import Given, Made
from bide.cli.exit_codes import BadInput


def _need(given: Given, *names: str, what: str) -> str:
    found = next((given[name] for name in names if given.get(name)), None)
    if found is None:
        raise BadInput(f"{what} is missing")
    return str(found)


def _switches(given: Given, *names: str) -> Iterator[str]:
    return (f"--{name}" for name in names if given.get(name))


def _map_index(given: Given) -> list[str]:
    index = given.get("map_index")
    return [] if index in (None, "-1") else ["--map-index", str(index)]


def mark(state: str, given: Given) -> Made:
    """``tasks mark`` of what is named by place or by option."""
    dag = _need(given, "dag_id", "dag", what="the DAG")
    task = _need(given, "task_id", "task", what="the task (-t)")
    run = _need(given, "run", "run_id", "execution_date", what="the run: its id (--run-id) or its date (-e)")
    flags = [*_switches(given, "upstream", "downstream", "past", "future"), *_map_index(given)]
    return Made([dag, run, task, "--state", state, *flags, "--yes"])


def mark_success(given: Given) -> Made:
    """``tasks mark-success``."""
    return mark("success", given)


def mark_failed(given: Given) -> Made:
    """``tasks mark-failed``."""
    return mark("failed", given)


def one_task(given: Given) -> Made:
    """``tasks test``: a run in which all other tasks succeed without being run."""
    others = f"(?!{re.escape(given['task_id'])}$).*"
    date = [given["logical_date"]] if given["logical_date"] else []
    conf = ["--conf", given["task_params"]] if given.get("task_params") else []
    return Made([given["dag_id"], *date, "--mark-success-pattern", others, *conf])


def run_again(given: Given) -> Made:
    """``tasks run``: the engine is asked to run the task again, in the run that there is."""
    task = f"^{re.escape(given['task_id'])}$"
    return Made([given["dag_id"], "--task-regex", task, "--run", given["run"], "--yes", *_map_index(given)])


def task_of_run(given: Given) -> Made:
    """``tasks state`` and its like."""
    return Made([given["dag_id"], given["task_id"], "--run", given["run"], *_map_index(given)])


def runs_of(given: Given) -> Made:
    """``dags delete``."""
    return Made(["--dag", given["dag_id"]])


def runs_of_dag(given: Given) -> Made:
    """``dags list-runs``: the DAG by place, as Airflow 3 has it, or by option."""
    return Made([_need(given, "dag_id", "dag", what="the DAG"), "--limit", "1000000"])


def dag_state(given: Given) -> Made:
    """``dags state``."""
    return Made([given["dag_id"], given["run"]])


def worker(given: Given) -> Made:
    """``celery worker``: the tasks of a scheduler's host, as many as the worker would have."""
    at_once = given.get("concurrency")
    if given.get("autoscale"):
        at_once = max(given["autoscale"].split(","), key=_as_number)
    environment = {} if at_once is None else {"BIDE__CORE__PARALLELISM": str(_as_number(at_once))}
    return Made([], environment)


def _as_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadInput(f"{text!r} is no number of tasks: write --autoscale 16,2 or --concurrency 16") from None


def asset(given: Given) -> Made:
    """``assets details``."""
    return Made([_need(given, "name", "uri", what="the asset (--name or --uri)")])


def fields(given: Given) -> Made:
    """``connections add``: each field by the name that Bide gives it."""
    names = ["type", "description", "host", "login", "password", "schema", "port", "extra", "uri", "json"]
    found = [(name, given.get(f"conn_{name}") or given.get(name)) for name in names]
    return Made([given["conn_id"], *(part for name, text in found if text for part in (f"--conn-{name}", text))])


def section(given: Given) -> Made:
    """``config list``."""
    return Made([given["section"]] if given.get("section") else [])


def nothing(given: Given) -> Made:
    """All, whichever was named."""
    return Made([])
