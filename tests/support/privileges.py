"""Run a part of a test without the rights that root has over every file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: ``nobody`` on the usual systems; it need not exist.
_NOBODY: Final = 65_534


@contextmanager
def unprivileged() -> Iterator[None]:
    """As an ordinary user: permissions of files count. What is imported must have been imported before."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(_NOBODY)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
