"""Calling functions that yield metadata of their outlets."""

from bide.authoring.callable_runner import AsyncCallableRunner as create_async_executable_runner
from bide.authoring.callable_runner import CallableRunner as create_executable_runner

__all__ = (
    "create_async_executable_runner",
    "create_executable_runner",
)
