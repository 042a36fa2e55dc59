"""The guide's table of what is shown of packages is that of the tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.providers.matrix import BEGIN, END, PAGE, ROWS, table

TESTS = Path(__file__).parents[1] / "providers"
NAMED = sorted({cell for row in ROWS for cell in row[2:] if cell})


def test_the_page_has_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    told = text.partition(BEGIN)[2].partition(END)[0]
    assert told == table(), "run `uv run python -m tests.providers.matrix`"


@pytest.mark.parametrize("name", NAMED)
def test_each_test_that_is_named_is_there(name: str) -> None:
    file, _, function = name.partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.operator}-{row.modes[0]}")
def test_each_operator_is_in_the_dag_files(row: tuple[str, ...]) -> None:
    files = "".join(path.read_text(encoding="utf-8") for path in (TESTS / "dags").glob("*.py"))
    for name in row[0].split(", "):
        assert f"{name}(" in files
