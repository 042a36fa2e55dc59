"""Loops in tasks that look, sleep and look again: each holds a worker for as long as something outside takes."""

from __future__ import annotations

import ast
import inspect
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from bide.authoring.dag import DAG
from bide.authoring.mapping import MappedOperator
from bide.wire.parser_messages import Finding

_IN_OPERATORS: Final = (
    "let a JobOperator look (poll_interval=, poll_backoff=), or self.defer() to a trigger, and no worker waits"
)
_IN_FUNCTIONS: Final = "wait(timedelta(seconds=...)), or wait() for a trigger, in its place holds no worker"


def sleep_loops(dag: DAG, path: str, folder: str, line_of: Callable[[object], int | None]) -> Iterator[Finding]:
    """One finding for each loop with a ``time.sleep()`` in what the tasks of `dag` run.

    Only code that lies in `folder` is read: what installed packages do can't be changed here. The line is that of
    the loop if it is in the DAG file itself (`path`), else that of the first task that runs it.
    """
    said: set[tuple[str, int]] = set()
    for task in dag.tasks:
        for function, advice in _own_code(task):
            file = function.__code__.co_filename
            if not Path(file).is_relative_to(folder):
                continue
            for line in _loops_of(function):
                if (file, line) in said:
                    continue
                said.add((file, line))
                where = "" if file == path else f" ({file}:{line})"
                yield Finding(
                    "sleep-loop",
                    f"{function.__qualname__}() of task {task.task_id!r} sleeps in a loop{where} and holds its "
                    f"worker all the time: {advice}",
                    line if file == path else line_of(task),
                    dag.dag_id,
                    task.task_id,
                )


def _own_code(task: object) -> Iterator[tuple[FunctionType, str]]:
    """The functions that a task runs, with what to write instead of a loop in them."""
    mapped = isinstance(task, MappedOperator)
    called = task.made_of.known_before("python_callable") if mapped else getattr(task, "python_callable", None)
    if callable(called) and isinstance(called := inspect.unwrap(called), FunctionType):
        yield called, _IN_FUNCTIONS
    for cls in (task.operator_class if mapped else type(task)).__mro__:
        for method in vars(cls).values():
            if isinstance(method, FunctionType) and isinstance(bare := inspect.unwrap(method), FunctionType):
                yield bare, _IN_OPERATORS


def _loops_of(function: FunctionType) -> list[int]:
    """The lines of the loops in which `function` itself sleeps."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return []  # made by other code, or a lambda in the midst of a line
    names = function.__globals__
    return sorted(
        {
            first + node.lineno - 1
            for node in ast.walk(tree)
            if isinstance(node, ast.While | ast.For) and any(_sleeps(inner, names) for inner in ast.walk(node))
        }
    )


def _sleeps(node: ast.AST, names: dict[str, Any]) -> bool:
    """Whether this is a call of :func:`time.sleep`, under whichever name the module knows it."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr="sleep")):
            return names.get(module) is time
        case ast.Call(func=ast.Name(id=name)):
            return names.get(name) is time.sleep
        case _:
            return False
