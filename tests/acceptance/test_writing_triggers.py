"""The guide for authors of triggers: its blocks are a project whose tests pass."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bide.testing import parse_file

GUIDE = Path(__file__).parents[2] / "docs/guides/writing-triggers.md"
#: The service of the guide; nobody has that.
CLIENT = """
from datetime import date


async def state_of(account, job):
    return "packed"


async def states_of(account, jobs):
    return dict.fromkeys(jobs, "packed")


async def last_load(account, table):
    return date(2026, 1, 1)


def returns():
    raise ConnectionError("there is no such queue")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("dags", "tests"):
        (tmp_path / name).mkdir()
    (tmp_path / "dags/acme_client.py").write_text(CLIENT)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = dags\nfilterwarnings = error\n")
    for path, code in re.findall(r"```python\n# (\S+\.py)\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        with (tmp_path / path).open("a") as file:
            file.write(code)
    return tmp_path


def test_the_guides_tests_pass(project: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BIDE", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"],
        check=False,
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_every_block_of_the_guide_is_part_of_its_project() -> None:
    assert GUIDE.read_text().count("```python\n") == GUIDE.read_text().count("```python\n# ")


def test_every_trigger_of_the_guide_can_wait(project: Path) -> None:
    """Each is what an operator defers to: built, taken apart, and built again where it runs."""
    module = ast.parse((project / "dags/acme.py").read_text())
    triggers = {one.name for one in module.body if isinstance(one, ast.ClassDef)} - {"EventLog"}
    arguments = {
        "NextShift": "dt.datetime(2026, 1, 1, tzinfo=dt.UTC)",
        "JobEnds": "'main', 7",
        "TableIsFresh": "'main', 'orders', dt.date(2026, 1, 1)",
        "AnyJobEnds": "'main', 7",
        "OrderPaid": "12, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)",
        "ReturnArrives": "",
        "Greets": "'localhost', 7",
    }
    assert triggers == arguments.keys()
    lines = [f"    Waits(task_id='{name}', trigger=acme.{name}({given}))" for name, given in arguments.items()]
    (project / "dags/each.py").write_text(
        "import datetime as dt\nimport acme\nfrom bide import DAG, BaseOperator\n\n"
        "class Waits(BaseOperator):\n"
        "    def __init__(self, *, trigger, **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "        self.trigger = trigger\n\n"
        "    def execute(self, context):\n"
        "        self.defer(self.trigger, 'done')\n\n"
        "    def done(self, context, event):\n"
        "        return event\n\n"
        "with DAG('each') as dag:\n" + "\n".join(lines) + "\n"
        "\nif __name__ == '__main__':\n"
        "    from bide.testing import run_dag\n"
        f"    run = run_dag(dag, events={{name: name for name in {sorted(triggers)!r}}})\n"
        f"    assert all(run[name].result == name for name in {sorted(triggers)!r})\n"
    )
    assert parse_file(project / "dags/each.py").errors == []
    done = subprocess.run(
        [sys.executable, "dags/each.py"], check=False, cwd=project, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
