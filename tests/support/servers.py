"""Servers of tests that run as processes of their own and end with their standard input."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[2]


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[list[str]]:
    """The words of the first line that ``python -m module`` prints; it is told to end with the context."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{module} did not start:\n{process.stderr.read()}")
        try:
            yield line.split()
        finally:
            process.kill()
            process.stdin.close()
