"""What pages show makes DAGs that can be, and that run where they need nobody else."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from bide.authoring.loading import load_file
from bide.authoring.serialize import serialize_dag
from bide.testing import run_dag

DOCS = Path(__file__).parents[3] / "docs"
GUIDES = DOCS / "guides"
#: Pages whose blocks are one project, which has tests of its own (tests/acceptance).
PROJECTS = {"writing-triggers.md", "testing-dags.md", "external-jobs.md"}
#: What readers have beside the files that pages show.
THEIRS = {
    "customers.json": '{"acme": "@daily"}',
    "pager.py": "def send(message): ...\n",
    "vault.py": "def put_somewhere(value): ...\ndef get_from_there(value): ...\n",
}


def blocks(*pages: str) -> list[Any]:
    return [
        pytest.param(text, id=f"{page}-{number}")
        for page in pages
        for number, text in enumerate(re.findall(r"```python\n(.*?)```", (GUIDES / page).read_text(), re.DOTALL))
    ]


def dag_of(text: str, folder: Path) -> Any:
    path = folder / "guide.py"
    path.write_text(text)
    return runpy.run_path(str(path))["dag"]


@pytest.mark.parametrize("text", blocks("taskflow.md"))
def test_an_example_runs(text: str, tmp_path: Path) -> None:
    states = set(run_dag(dag_of(text, tmp_path), logical_date="2026-03-01").states.values())
    assert states <= {"success", "skipped"} and "success" in states


@pytest.mark.parametrize("text", blocks("other-dags.md", "human-in-the-loop.md"))
def test_an_example_can_be_stored(text: str, tmp_path: Path) -> None:
    assert serialize_dag(dag_of(text, tmp_path), file="guide.py", folder=".").tasks


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name)
        for page in sorted([DOCS.parent / "README.md", *DOCS.glob("**/*.md")])
        if "```python" in page.read_text() and page.name not in PROJECTS
    ],
)
def test_every_block_is_a_file_that_can_be_loaded(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever copies a block into a file gets no NameError."""
    for name, text in THEIRS.items():
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for number, text in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)):
        path = tmp_path / f"block_{number}.py"
        path.write_text(text)
        loaded = load_file(str(path), str(tmp_path))
        assert not loaded.errors, f"block {number} of {page}:\n{text}\n{loaded.errors[0].message}"
        assert all(serialize_dag(dag, file=str(path), folder=str(tmp_path)) for dag in loaded.dags.values())
