"""Each known failure has regression tests of its name, and a row on the page that tells of it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/explanation/known-failures.md"
KEYS = [f"K{number:02}" for number in range(1, 31)]


def names_by_key() -> dict[str, set[str]]:
    """Names of test functions by the key in them."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                key = re.match(r"test_(k\d\d)_\w", node.name)
                if key is not None:
                    found[key[1].upper()].add(node.name)
    return dict(found)


def rows() -> list[list[str]]:
    """The cells of the page's table, without the key's row of titles."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| K")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_key_has_a_test_of_its_name() -> None:
    assert sorted(names_by_key()) == KEYS


def test_the_page_has_a_row_for_each_key_in_order() -> None:
    assert [row[0] for row in rows()] == KEYS
    assert all(len(row) == 4 and all(row) for row in rows())


def test_the_page_names_tests_that_there_are() -> None:
    tests = names_by_key()
    for key, _, _, named in rows():
        names = re.findall(r"`(\w+)`", named)
        assert names, key
        assert set(names) <= tests[key], key
