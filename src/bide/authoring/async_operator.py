"""Operators whose work is a coroutine."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from bide.authoring.calling import run_to_end
from bide.authoring.mapping import MappedOperator
from bide.authoring.operator import BaseOperator
from bide.authoring.python import PythonOperator

if TYPE_CHECKING:
    from bide.authoring.context import Context


class BaseAsyncOperator(BaseOperator):
    """An operator whose subclasses write ``async def aexecute(self, context)``.

    ``async def execute(self, context)`` of a plain :class:`BaseOperator` is the same.
    """

    @property
    def is_async(self) -> bool:
        """That it is one."""
        return True

    async def aexecute(self, context: Context) -> Any:
        """Do the work; the return value becomes the XCom ``return_value``. Subclasses override this."""
        raise NotImplementedError(f"{type(self).__name__} has no aexecute(self, context)")

    def execute(self, context: Context) -> Any:
        """Await :meth:`aexecute`."""
        return run_to_end(self.aexecute(context))


def runs_async(task: BaseOperator) -> bool:
    """Whether the work of `task`, or of its instances, is a coroutine, so that many can share a process."""
    cls = task.operator_class
    if issubclass(cls, BaseAsyncOperator) or inspect.iscoroutinefunction(cls.execute):
        return True
    if not issubclass(cls, PythonOperator) or cls.execute_callable is not PythonOperator.execute_callable:
        return False
    if isinstance(task, MappedOperator):
        return is_async(task.made_of.known_before("python_callable"))
    return is_async(getattr(task, "python_callable", None))


def is_async(function: Any) -> bool:
    """Whether calling `function` makes a coroutine; partials and objects with an async ``__call__`` count."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004
