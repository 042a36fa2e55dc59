"""Who may import whom: the contracts of pyproject.toml, and no cycle between modules."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """For each module of Bide, the modules of Bide that it imports, at the top or in a function.

    Imports for type checkers only are left out: they don't happen.
    """
    graph = grimp.build_graph("bide", exclude_type_checking_imports=True, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def test_the_layers_hold() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_has_a_place_in_the_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [layer for contract in contracts if contract["type"] == "layers" for layer in contract["layers"]]
    placed = {name.strip() for layer in layers for name in layer.split("|")}
    packages = {f"bide.{path.parent.name}" for path in (ROOT / "src/bide").glob("*/__init__.py")}
    assert packages - placed == set()


def cycles(imports: Mapping[str, Set[str]]) -> Iterator[list[str]]:
    """Groups of modules that import each other, directly or through others (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    for root in imports:
        if root in index:
            continue
        work = [(root, iter(sorted(imports[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            module, rest = work[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    work.append((other, iter(sorted(imports[other]))))
                    break
                if other in stack:
                    low[module] = min(low[module], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[module])
                if low[module] == index[module]:
                    at = stack.index(module)
                    group, stack[at:] = stack[at:], []
                    if len(group) > 1 or module in imports[module]:
                        yield sorted(group)


def test_a_cycle_would_be_found() -> None:
    assert list(cycles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}})) == [["a", "b", "c"]]
    assert list(cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()})) == []


def test_there_is_no_import_cycle(imports: dict[str, set[str]]) -> None:
    assert list(cycles(imports)) == []


def test_modules_of_bide_do_not_import_the_facade(imports: dict[str, set[str]]) -> None:
    """The façade is for authors; inside, a name is imported from the module that defines it."""
    assert [module for module, imported in imports.items() if "bide" in imported] == []
