"""What every source file keeps to: size, names, docstrings."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "compat/src").rglob("*.py")])
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in SOURCES}

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
#: A migration is a list of tables, written once.
MIGRATIONS = "/migrations/versions/"
#: Names that say nothing about what is inside.
EMPTY_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "tools", "base_utils"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_there_is_something_to_check() -> None:
    assert "src/bide/model/states.py" in TREES


def test_no_file_is_too_long() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): path.read_text().count("\n") for path in SOURCES}
    too_long = {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES}
    assert {name: lines for name, lines in too_long.items() if MIGRATIONS not in name} == {}


def body_lines(node: Function) -> int:
    """Lines from the first statement after the docstring to the end: a constructor's long list of named
    parameters, one a line, is a table and not something to read at one go."""
    statements = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (statements[-1].end_lineno or 0) - statements[0].lineno + 1 if statements else 0


def test_no_function_is_too_long() -> None:
    too_long = {
        f"{name}:{node.lineno} {node.name}": body_lines(node)
        for name, tree in TREES.items()
        if MIGRATIONS not in name
        for node in ast.walk(tree)
        if isinstance(node, Function) and body_lines(node) > MAX_FUNCTION_LINES
    }
    assert too_long == {}


def test_names_of_modules_say_something() -> None:
    # The alias package has the names that Airflow gave its modules.
    own = [path for path in SOURCES if path.is_relative_to(ROOT / "src")]
    assert [str(path) for path in own if {path.stem, path.parent.name} & EMPTY_NAMES] == []


def base_names(node: ast.ClassDef) -> Iterator[str]:
    """The classes that `node` derives from, as written: the last part of a dotted name, without [parameters]."""
    for base in node.bases:
        if isinstance(base, ast.Subscript):
            base = base.value
        yield base.attr if isinstance(base, ast.Attribute) else ast.unparse(base)


def contract_names(node: ast.ClassDef) -> list[str]:
    """The classes that the docstring of `node` names: it may keep a contract without deriving from it."""
    return re.findall(r":class:`~?(?:[\w.]+\.)?(\w+)`", ast.get_docstring(node) or "")


def is_repeated(node: Function) -> bool:
    """Overloads and property setters are described by the definition that they belong to."""
    names = [ast.unparse(decorator).rsplit(".", 1)[-1] for decorator in node.decorator_list]
    return "overload" in names or "setter" in names


def undocumented(tree: ast.Module, described: dict[str, set[str]]) -> Iterator[str]:
    """Public classes, functions and methods of a module that have no docstring and inherit none.

    `described` has, for each class of the project by name, the methods that are described in it or above it.
    """
    for node in tree.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node) and not (isinstance(node, Function) and is_repeated(node)):
            yield node.name
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, Function) and not member.name.startswith("_") and not is_repeated(member):
                    inherited = any(member.name in described.get(base, {member.name}) for base in base_names(node))
                    inherited |= any(member.name in described.get(name, set()) for name in contract_names(node))
                    if not ast.get_docstring(member) and not inherited:
                        yield f"{node.name}.{member.name}"


def described_methods() -> dict[str, set[str]]:
    """For each class of the project, by name: methods that have a docstring in it or in a class above it."""
    classes = {
        node.name: node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    }

    def collect(name: str, seen: frozenset[str]) -> set[str]:
        node = classes[name]
        found = {one.name for one in node.body if isinstance(one, Function) and ast.get_docstring(one)}
        for base in base_names(node):
            if base in classes and base not in seen:
                found |= collect(base, seen | {base})
        return found

    return {name: collect(name, frozenset({name})) for name in classes}


DESCRIBED = described_methods()
OWN = [name for name in TREES if name.startswith("src/bide/")]


@pytest.mark.parametrize("name", OWN)
def test_public_names_are_described(name: str) -> None:
    tree = TREES[name]
    if tree.body:
        assert ast.get_docstring(tree), "the module has no docstring"
    assert list(undocumented(tree, DESCRIBED)) == []


def test_an_undescribed_name_would_be_found() -> None:
    tree = ast.parse("class A:\n    '''.'''\n    def f(self): ...\n\ndef g(): ...\n\ndef _h(): ...\n")
    assert list(undocumented(tree, {})) == ["A.f", "g"]
