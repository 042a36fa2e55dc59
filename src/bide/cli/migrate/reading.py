"""What a file of Python uses, read from its text: nothing of it is imported or run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import decode_source
from typing import Final, NamedTuple

#: Operators, and decorators of tasks, that run a function in a Python with packages of its own.
ELSEWHERE: Final = frozenset(
    {
        "PythonVirtualenvOperator",
        "ExternalPythonOperator",
        "BranchPythonVirtualenvOperator",
        "BranchExternalPythonOperator",
        "virtualenv",
        "external_python",
        "branch_virtualenv",
        "branch_external_python",
        "docker",
        "kubernetes",
    }
)


class Imported(NamedTuple):
    """One name that is imported, or a module if `name` is None."""

    module: str
    name: str | None
    line: int
    #: Whether the file goes on without it: it is in a ``try`` that expects an ImportError, or runs elsewhere.
    is_optional: bool


class Used(NamedTuple):
    """A dotted path of an imported name that is used, such as ``airflow.models.DagRun.find``."""

    path: str
    line: int
    #: Names of the keyword arguments, where it is called.
    arguments: tuple[str, ...] = ()
    is_call: bool = False
    #: Keyword arguments that are given as True.
    switched_on: tuple[str, ...] = ()


class Facts(NamedTuple):
    """What a file uses."""

    imports: list[Imported]
    uses: list[Used]
    #: Texts that are written in it, with their lines.
    texts: list[tuple[str, int]]
    #: Names of methods that are called, of whatever, with their lines.
    methods: list[tuple[str, int]]
    #: Why it can't be read, with the line.
    broken: tuple[str, int] | None = None


def read_facts(source: str | bytes) -> Facts:
    """What a file with this text uses."""
    try:
        # Bytes that are no text in the encoding of the file are found by decoding only.
        tree = ast.parse(source if isinstance(source, str) else decode_source(source))
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1 if isinstance(source, bytes) else 1
        return Facts([], [], [], [], (f"it is no {error.encoding} text; say the encoding in its first line", line))
    except (SyntaxError, ValueError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        return Facts([], [], [], [], (str(getattr(error, "msg", error)), line or 1))
    reader = _Reader(set(_sent_away(tree)))
    reader.visit(tree)
    texts = [
        (node.value, node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    methods = [
        (node.func.attr, node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    return Facts(reader.imports, list(_uses(tree, reader.paths)), texts, methods)


class _Reader(ast.NodeVisitor):
    """Collects imports, and what each imported name stands for."""

    def __init__(self, sent_away: set[str]) -> None:
        self._sent_away = sent_away
        self.imports: list[Imported] = []
        self.paths: dict[str, str] = {}
        self._optional = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        away = node.name in self._sent_away or any(map(_sends_away, node.decorator_list))
        self._optional += away
        self.generic_visit(node)
        self._optional -= away

    def visit_Try(self, node: ast.Try) -> None:
        expects = any(_expects_import_error(handler) for handler in node.handlers)
        self._optional += expects
        for child in node.body:
            self.visit(child)
        self._optional -= expects
        for child in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(child)

    def visit_If(self, node: ast.If) -> None:
        # What is imported for type checkers only is not imported.
        body = () if ast.unparse(node.test).endswith("TYPE_CHECKING") else node.body
        for child in (*body, *node.orelse):
            self.visit(child)

    def visit_Import(self, node: ast.Import) -> None:
        for one in node.names:
            self.imports.append(Imported(one.name, None, node.lineno, bool(self._optional)))
            first = one.name.partition(".")[0]
            self.paths[one.asname or first] = one.name if one.asname else first

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or node.module is None:
            return
        for one in node.names:
            name = None if one.name == "*" else one.name
            self.imports.append(Imported(node.module, name, node.lineno, bool(self._optional)))
            if name is not None:
                self.paths[one.asname or name] = f"{node.module}.{name}"


def _sent_away(tree: ast.AST) -> Iterator[str]:
    """Functions that operators run elsewhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ELSEWHERE:
            for one in node.keywords:
                if one.arg == "python_callable" and isinstance(one.value, ast.Name):
                    yield one.value.id


def _sends_away(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr in ELSEWHERE


def _expects_import_error(handler: ast.ExceptHandler) -> bool:
    caught = "" if handler.type is None else ast.unparse(handler.type)
    return handler.type is None or "ImportError" in caught or "ModuleNotFound" in caught or caught == "Exception"


def _uses(tree: ast.AST, paths: dict[str, str]) -> Iterator[Used]:
    """Each use of an imported name, the longest path of it once."""
    inner: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            path = _path(node.func, paths, inner)
            if path is not None:
                named = [(one.arg, one.value) for one in node.keywords if one.arg is not None]
                on = tuple(name for name, given in named if isinstance(given, ast.Constant) and given.value is True)
                yield Used(path, node.lineno, tuple(name for name, _ in named), is_call=True, switched_on=on)
        elif isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            path = _path(node, paths, inner)
            if path is not None:
                yield Used(path, node.lineno)


def _path(node: ast.expr, paths: dict[str, str], seen: set[int]) -> str | None:
    """The dotted path of a name or attribute; its parts are marked as seen."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        seen.add(id(node))
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in paths:
        return None
    seen.add(id(node))
    return ".".join((paths[node.id], *reversed(parts)))
