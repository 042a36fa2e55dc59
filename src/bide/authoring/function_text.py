"""The source of a function, without what decorates it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def function_text(function: Callable[..., Any]) -> str:
    """From ``def`` to its last line, not indented. Raises OSError if there is no source."""
    text = textwrap.dedent(inspect.getsource(function))
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return "\n".join(text.splitlines()[node.lineno - 1 :])
