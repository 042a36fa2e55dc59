"""What the guide shows makes a DAG that runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bide.testing import run_dag

PAGE = Path(__file__).parents[3] / "docs/guides/taskflow.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_an_example_runs(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {"__name__": "guide"}
    exec(compile(BLOCKS[number], str(PAGE), "exec"), found)
    result = run_dag(found["dag"], logical_date="2026-03-01")
    assert set(result.states.values()) <= {"success", "skipped"} and "success" in result.states.values()
