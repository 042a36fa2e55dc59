"""What README and tutorial show works as they show it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.commands import Folder

ROOT = Path(__file__).parents[2]
TUTORIAL = "docs/tutorial/first-dag.md"


def block(page: str, language: str, *, having: str = "") -> str:
    """The first fenced block of `page` in `language` with `having` in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    return next(text for text in blocks if having in text)


def test_the_tutorials_dag_is_killed_and_goes_on(folder: Folder) -> None:
    folder.dag("orders", block(TUTORIAL, "python"))
    inbox = folder.path / "inbox"
    inbox.mkdir()
    (inbox / "orders.csv").write_text("1,apples\n")
    with folder.start("run", "dags/orders.py") as run:
        run.read_until("enough deferred: waits for 3 lines")
        run.process.kill()
    (listed,) = json.loads(folder.run("runs", "list", "-o", "json").stdout)
    with (inbox / "orders.csv").open("a") as orders:
        orders.write("2,pears\n3,plums\n")
    done = folder.run("run", "dags/orders.py", "--resume", listed["run_id"], "-o", "json")
    assert done.returncode == 0, done.stderr
    tasks = {task["task_id"]: task for task in json.loads(done.stdout)["tasks"]}
    assert tasks["opened"]["tries"] == 1
    assert tasks["opened"]["states"].count("success") == 1
    assert tasks["report"]["xcom"] == {"return_value": 3}
    log = folder.run("tasks", "logs", "orders", "report").stdout
    assert "3 orders to pack" in log


def test_the_readmes_dag_runs(folder: Folder) -> None:
    text = block("README.md", "python")
    assert "timedelta(minutes=5)" in text
    path = folder.dag("first", text.replace("timedelta(minutes=5)", "timedelta(milliseconds=100)"))
    done = folder.run("run", str(path), "-o", "json")
    assert done.returncode == 0, done.stderr
    (report,) = [task for task in json.loads(done.stdout)["tasks"] if task["task_id"] == "report"]
    assert "woken at" in Path(report["log_path"]).read_text()


def test_links_between_pages_lead_somewhere() -> None:
    pages = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        ROOT / "compat/README.md",
        ROOT / "benchmarks/README.md",
    ]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
