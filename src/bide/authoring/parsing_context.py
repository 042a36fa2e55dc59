"""Which DAG a file is imported for, so that one that makes hundreds need not make them all."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar


class ParsingContext:
    """What a DAG file is imported for: see :func:`get_parsing_context`."""

    def __init__(self, dag_id: str | None = None, task_id: str | None = None) -> None:
        self._dag_id = dag_id
        self._task_id = task_id
        #: Whether anybody has looked; what was made since then may be for this DAG, or this task, only.
        self.has_told_dag = False
        self.has_told_task = False

    @property
    def dag_id(self) -> str | None:
        """The only DAG that is needed; None for all."""
        self.has_told_dag = True
        return self._dag_id

    @property
    def task_id(self) -> str | None:
        """The only task that is needed; None for all."""
        self.has_told_task = True
        return self._task_id

    def serves(self, dag_id: str, task_id: str) -> bool:
        """Whether what was imported has this task in it, as far as the file could know."""
        return (not self.has_told_dag or self._dag_id in (None, dag_id)) and (
            not self.has_told_task or self._task_id is None or (self._dag_id, self._task_id) == (dag_id, task_id)
        )

    def __repr__(self) -> str:
        return f"ParsingContext(dag_id={self._dag_id!r}, task_id={self._task_id!r})"


_current: ContextVar[ParsingContext | None] = ContextVar("bide_parsing_context", default=None)


def get_parsing_context() -> ParsingContext:
    """What the DAG file is imported for now.

    ``dag_id`` is None where all DAGs of the file are wanted, as when it is parsed. Where one of its tasks is to
    run, it is that task's DAG, and ``task_id`` the task; the file may leave out all other DAGs then.
    """
    return _current.get() or ParsingContext()


@contextmanager
def parsing_for(dag_id: str | None, task_id: str | None) -> Generator[ParsingContext]:
    """What is imported inside is wanted for this task."""
    context = ParsingContext(dag_id, task_id)
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
