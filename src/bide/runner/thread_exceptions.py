"""Raising an exception in another thread."""

from __future__ import annotations

import ctypes
from typing import Any


def raise_in(thread: int, error: BaseException | None) -> None:
    """Raise `error` in the thread of this number when Python code runs there next.

    What arrives is of a class of that name, and says the same. None takes back what has not come yet.
    """
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), None if error is None else ctypes.py_object(_class_of(error))
    )


def _class_of(error: BaseException) -> type[BaseException]:
    """A class whose instances, made without arguments, say what `error` says."""
    base: Any = type(error)

    def __init__(self: Any) -> None:
        base.__init__(self, *error.args)

    return type(base.__name__, (base,), {"__init__": __init__, "__module__": base.__module__})
