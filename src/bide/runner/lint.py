"""What people should know of a DAG file though it can be imported: looks at the import, and at what it has made."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Final
from warnings import WarningMessage

from bide.authoring.construction import argument_names
from bide.authoring.dag import DAG
from bide.authoring.dag_decorator import is_dag_function
from bide.authoring.hints import did_you_mean
from bide.authoring.loading import LoadedFile
from bide.authoring.operator import BaseOperator
from bide.authoring.xcom_arg import XComArg
from bide.runner.lint_sleep import sleep_loops
from bide.runner.lint_templates import template_findings
from bide.wire.parser_messages import Finding

_AUTHORING: Final = Path(__file__).parents[1] / "authoring"
#: Whose calls look something up in the engine's store or in a service, by the names of the functions.
_LOOKUPS: Final = {
    str(_AUTHORING / "variable.py"): ("Variable", frozenset({"get"})),
    str(_AUTHORING / "connection.py"): ("Connection", frozenset({"get", "get_connection_from_secrets"})),
    str(_AUTHORING / "hook.py"): ("Connection", frozenset({"get_connection", "get_connections", "get_hook"})),
}
_MADE: Final = frozenset({str(_AUTHORING / "dag.py"), str(_AUTHORING / "operator.py")})
_DEPRECATED: Final = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
#: A start date so close before its import is that of the import.
_JUST_NOW: Final = timedelta(minutes=1)


class ImportWatch:
    """Follows the import of one DAG file: how long its lines take, what they look up, where they make things."""

    def __init__(self, path: str) -> None:
        self._path = path
        #: Seconds by line, of the code at the top level.
        self.seconds: dict[int, float] = {}
        #: What was looked up, by line.
        self.lookups: dict[int, str] = {}
        self._lines: dict[int, tuple[object, int]] = {}
        self._line = 0
        self._since = 0.0

    @contextmanager
    def watching(self) -> Generator[None]:
        """Follow what is imported inside."""
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(before)

    def made(self) -> list[object]:
        """DAGs and tasks that the file has made."""
        return [made for made, _ in self._lines.values()]

    def line_of(self, made: object) -> int | None:
        """The line of the file that has made a DAG or a task."""
        found = self._lines.get(id(made))
        return None if found is None or found[0] is not made else found[1]

    def _called(self, frame: FrameType, event: str, arg: Any) -> Any:
        code = frame.f_code
        if self._is_own(code.co_filename):
            return self._at_top if code.co_name == "<module>" else None
        lookup = _LOOKUPS.get(code.co_filename)
        if lookup is not None and code.co_name in lookup[1]:
            line = self._own_line(frame)
            if line is not None:
                self.lookups.setdefault(line, lookup[0])
        elif code.co_name == "__init__" and code.co_filename in _MADE:
            made, line = frame.f_locals.get("self"), self._own_line(frame)
            if line is not None and id(made) not in self._lines:
                self._lines[id(made)] = (made, line)
        return None

    def _is_own(self, filename: str) -> bool:
        """Whether this is the file, or lies in it if that is a zip."""
        return filename == self._path or (filename.startswith(self._path) and filename[len(self._path)] == "/")

    def _at_top(self, frame: FrameType, event: str, arg: Any) -> Any:
        now = time.perf_counter()
        if self._line:
            self.seconds[self._line] = self.seconds.get(self._line, 0.0) + now - self._since
        self._line, self._since = (0 if event == "return" else frame.f_lineno), now
        return self._at_top

    def _own_line(self, frame: FrameType | None) -> int | None:
        while frame is not None:
            if self._is_own(frame.f_code.co_filename):
                return frame.f_lineno
            frame = frame.f_back
        return None


def findings(
    loaded: LoadedFile, watch: ImportWatch, caught: Iterable[WarningMessage], *, slow: float, now: datetime
) -> tuple[Finding, ...]:
    """All that is worth a word; `slow` is how many seconds one line at the top level may take."""
    found = [*_of_import(loaded, watch, slow), *_without_dag(loaded, watch), *_uncalled(loaded)]
    found += warned(caught, loaded.path)
    for dag in loaded.dags.values():
        found += [*_of_dag(dag, watch, now), *sleep_loops(dag, loaded.path, loaded.folder, watch.line_of)]
        found += _unknown_defaults(dag, watch)
        for task in dag.tasks:
            found += template_findings(dag, task, watch.line_of(task) or watch.line_of(dag))
    return tuple(sorted(found, key=lambda one: (one.line or 0, one.rule)))


def _of_import(loaded: LoadedFile, watch: ImportWatch, slow: float) -> Iterator[Finding]:
    for line, seconds in watch.seconds.items():
        if seconds >= slow:
            yield Finding(
                "slow-import",
                f"takes {seconds:.2f} s at each import, which comes before the first task of each process: "
                "move it into a task",
                line,
            )
    for line, what in watch.lookups.items():
        instead = (
            "look it up in a task, or use a template: {{ var.value.name }}"
            if what == "Variable"
            else "look it up in a task, or use a template: {{ conn.name.host }}"
        )
        yield Finding(f"{what.lower()}-at-import", f"looks up a {what} at each import: {instead}", line)


def warned(caught: Iterable[WarningMessage], path: str) -> Iterator[Finding]:
    """What Python warns of at lines of the file, each once: names and arguments of old, above all."""
    said = {(one.lineno, one.category, str(one.message)) for one in caught if one.filename == path}
    for line, category, message in sorted(said, key=lambda one: (one[0], one[2])):
        yield Finding("deprecated" if issubclass(category, _DEPRECATED) else "python-warning", message, line)


def _without_dag(loaded: LoadedFile, watch: ImportWatch) -> Iterator[Finding]:
    if loaded.module is None:  # then what was made is not all that was meant
        return
    kept = map(_task_of, vars(loaded.module).values())
    tasks = {id(task): task for task in (*kept, *watch.made()) if isinstance(task, BaseOperator)}
    for task in tasks.values():
        if not task.has_dag():
            yield Finding(
                "task-without-dag",
                f"task {task.task_id!r} belongs to no DAG and never runs: make it inside `with DAG(...)`",
                watch.line_of(task),
                task_id=task.task_id,
            )


def _task_of(value: Any) -> Any:
    return value.operator if isinstance(value, XComArg) else value


def _uncalled(loaded: LoadedFile) -> Iterator[Finding]:
    for name, value in vars(loaded.module).items() if loaded.module is not None else ():
        own = getattr(value, "__module__", None) == getattr(loaded.module, "__name__", "")
        if own and is_dag_function(value) and not value.dags_made:
            line = inspect.unwrap(value).__code__.co_firstlineno
            yield Finding("uncalled-dag", f"the @dag function {name} is never called, so it makes no DAG", line)


def _unknown_defaults(dag: DAG, watch: ImportWatch) -> Iterator[Finding]:
    known = set[str]().union(*(argument_names(task.operator_class) for task in dag.tasks))
    for name in sorted(dag.default_args.keys() - known) if dag.tasks else ():
        yield Finding(
            "unknown-default",
            f"default_args of DAG {dag.dag_id!r} has {name!r}, which none of its tasks takes"
            + did_you_mean(name, known),
            watch.line_of(dag),
            dag.dag_id,
        )


def _of_dag(dag: DAG, watch: ImportWatch, now: datetime) -> Iterator[Finding]:
    line = watch.line_of(dag)
    if not dag.tasks:
        yield Finding("empty-dag", f"DAG {dag.dag_id!r} has no tasks", line, dag.dag_id)
    if dag.start_date is not None and now - _JUST_NOW <= dag.start_date <= now:
        yield Finding(
            "moving-start-date",
            f"the start_date of DAG {dag.dag_id!r} is the moment of the import: give it a fixed date",
            line,
            dag.dag_id,
        )
    joined = any(task.upstream_task_ids for task in dag.tasks)
    for task in dag.tasks:
        if joined and not task.upstream_task_ids and not task.downstream_task_ids:
            yield Finding(
                "unconnected-task",
                f"task {task.task_id!r} of DAG {dag.dag_id!r} is connected with no other, and runs at once",
                watch.line_of(task) or line,
                dag.dag_id,
                task.task_id,
            )
