"""What guides show makes DAGs that can be, and that run where they need nobody else."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from bide.authoring.serialize import serialize_dag
from bide.testing import run_dag

GUIDES = Path(__file__).parents[3] / "docs/guides"


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
