"""What authors do to test their DAGs: pytest in a project of theirs, and a DAG file run as a script."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

WEEKLY = """
import asyncio
from datetime import timedelta

from bide import DAG, BaseOperator, BaseTrigger, TriggerEvent, task


class Sleep(BaseTrigger):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def serialize(self):
        return "weekly.Sleep", {"seconds": self.seconds}

    async def run(self):
        await asyncio.sleep(self.seconds)
        yield TriggerEvent({"rows": 3})

    def describe(self):
        return "the report of the week"


class Report(BaseOperator):
    def execute(self, context):
        self.defer(trigger=Sleep(7 * 86_400), method_name="done", timeout=timedelta(days=8))

    def done(self, context, event):
        return event["rows"]


with DAG("weekly") as dag:

    @task
    def load(rows):
        print("loading", rows)
        if rows < 0:
            raise ValueError(f"{rows} rows")
        return rows * 2

    load(Report(task_id="report").output)

if __name__ == "__main__":
    dag.test(events={"report": {"rows": ROWS}})
"""

TESTS = """
from datetime import timedelta
from pathlib import Path

import pytest

from bide.testing import RunFailed, dag_bag, parse_file
from weekly import Sleep, dag


def test_a_week(run_dag, skipping_clock):
    result = run_dag(dag)
    assert result["load"].result == 6
    assert skipping_clock.skipped >= timedelta(days=6, hours=23)
    result.assert_waited("report", "report of the week")


def test_by_task(run_dag):
    assert run_dag(dag, events={"report": {"rows": 5}})["load"].result == 10


def test_by_class(run_dag):
    result = run_dag(dag, events={Sleep: lambda trigger: {"rows": trigger.seconds}})
    assert result["load"].result == 2 * 7 * 86_400


def test_failing(run_dag, capsys):
    with pytest.raises(RunFailed, match="-1 rows"):
        run_dag(dag, events={"report": {"rows": -1}})
    assert "loading -1" in capsys.readouterr().out


def test_home(bide_home):
    import os

    assert os.environ["BIDE_HOME"] == str(bide_home)
    assert list(bide_home.iterdir()) == []


def test_files():
    folder = Path(__file__).parents[1] / "dags"
    parse_file(folder / "weekly.py").raise_for_errors()
    found = dag_bag(folder)
    found.raise_for_errors()
    assert list(found.dags) == ["weekly"]
"""


#: Of the plugins that these tests are run with, those that would speak up in the project.
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a DAG and tests of it; the folder of Bide's state beside it is empty."""
    made = tmp_path / "project"
    for name, text in {
        "dags/weekly.py": WEEKLY.replace("ROWS", "4"),
        "tests/test_weekly.py": TESTS,
        "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["dags"]\nfilterwarnings = ["error"]\n',
    }.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "home").mkdir()
    return made


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in the project, as a person would start it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BIDE_", "PYTEST"))}
    home = str(project.parent / "home")
    return subprocess.run(
        [sys.executable, "-B", *arguments],
        cwd=project,
        env={**environment, "BIDE_HOME": home, "HOME": home},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def files(project: Path) -> list[str]:
    """All files of the project, and all that Bide has kept."""
    return sorted(str(path.relative_to(project.parent)) for path in project.parent.rglob("*") if path.is_file())


def test_a_project_tests_its_dags(project: Path) -> None:
    before = files(project)
    done = run(project, *PYTEST)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    assert files(project) == before


def test_dag_files_are_checked_by_an_option(project: Path) -> None:
    (project / "dags/broken.py").write_text("from bide import DAG\nDAG('broken', schedul=None)\n")
    done = run(project, *PYTEST, "--bide-dags", "dags")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert "unknown argument 'schedul'; did you mean 'schedule'?" in done.stdout
    one = run(project, *PYTEST, "--bide-dags", "dags/weekly.py")
    assert "1 passed" in one.stdout, one.stdout + one.stderr


def test_a_dag_file_is_a_script(project: Path) -> None:
    before = files(project)
    done = run(project, "dags/weekly.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[report] " in done.stdout
    assert "Trigger fired" in done.stdout
    assert "\nloading 4\n" in done.stdout
    assert "DAG weekly, run manual__" in done.stdout
    assert "  load    success" in done.stdout
    assert files(project) == before


def test_a_script_whose_run_fails_says_so(project: Path) -> None:
    (project / "dags/weekly.py").write_text(WEEKLY.replace("ROWS", "-1"))
    done = run(project, "dags/weekly.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "  load    failed: ValueError: -1 rows" in done.stdout
    line = 1 + WEEKLY.splitlines().index('            raise ValueError(f"{rows} rows")')
    assert f'dags/weekly.py", line {line}, in load' in done.stdout
    text = WEEKLY.replace("ROWS", "-1").replace("}})", "}}, exit_on_failure=False)")
    (project / "dags/weekly.py").write_text(text)
    assert run(project, "dags/weekly.py").returncode == 0


def test_a_script_for_airflow_runs_the_same(project: Path) -> None:
    text = WEEKLY.replace("from bide import DAG, BaseOperator, BaseTrigger, TriggerEvent, task", IMPORTS)
    (project / "dags/weekly.py").write_text(
        text.replace("ROWS", "4").replace('DAG("weekly")', 'DAG("weekly", schedule=None)')
    )
    done = run(project, "dags/weekly.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nloading 4\n" in done.stdout


IMPORTS = """
from airflow.decorators import task
from airflow.models import DAG
from airflow.models.baseoperator import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent
"""


GUIDE = Path(__file__).parents[2] / "docs/guides/testing-dags.md"


@pytest.fixture
def guide_project(project: Path) -> Path:
    """The project that the guide shows, with every block of its Python in the file that it names."""
    for old in ("dags/weekly.py", "tests/test_weekly.py"):
        (project / old).unlink()
    for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        named = re.match(r"# (\S+\.py)\n", block)
        if named:
            (project / named[1]).write_text(block)
        else:
            with (project / "dags/weekly.py").open("a") as dag_file:
                dag_file.write("\n\n" + block)
    return project


def test_the_guides_tests_pass(guide_project: Path) -> None:
    written = "".join(path.read_text() for path in (guide_project / "tests").glob("test_*.py"))
    done = run(guide_project, *PYTEST)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{written.count('def test_')} passed" in done.stdout
    checked = run(guide_project, *PYTEST, "--bide-dags", "dags/")
    assert "1 passed" in checked.stdout, checked.stdout


def test_the_guides_dag_file_is_a_script(guide_project: Path) -> None:
    file = guide_project / "dags/weekly.py"
    # There is no such service.
    file.write_text(re.sub(r"urllib.request.urlopen\((.*)\).close\(\)", r"print(\1)", file.read_text()))
    done = run(guide_project, "dags/weekly.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  publish  success" in done.stdout
