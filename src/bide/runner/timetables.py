"""Asking timetables of authors' own."""

from __future__ import annotations

import datetime as dt
import importlib
from typing import Any, cast

from bide.authoring.calling import accepted_arguments
from bide.authoring.fresh_sources import watch_folder
from bide.authoring.loading import load_file, module_name
from bide.authoring.moments import aware, pendulum_moment
from bide.authoring.plugins import watch_plugins
from bide.authoring.timetable import DagRunInfo, DataInterval, TimeRestriction, Timetable
from bide.model.errors import InvalidArgument
from bide.model.ids import check_run_id
from bide.runner.failures import one_line, user_traceback
from bide.wire.timetable_messages import AskTimetable, TimetableAnswer


def ask(question: AskTimetable, timetable: Timetable | None = None) -> TimetableAnswer:
    """Ask `timetable`, else the one that is built of what the question says. What goes wrong is in the answer."""
    try:
        found = _find_class(question).deserialize(question.data) if timetable is None else timetable
        return _ask(found, question)
    except BaseException as error:
        # Its code may do anything, such as sys.exit(); that is about this DAG only.
        return TimetableAnswer(error=one_line(error), traceback=user_traceback(error))


def _ask(timetable: Timetable, question: AskTimetable) -> TimetableAnswer:
    if question.at is not None:
        return TimetableAnswer(
            interval=_interval(timetable.infer_manual_data_interval(run_after=_needed(question.at)))
        )
    last = None if question.last is None else DataInterval(*map(_needed, question.last))
    restriction = TimeRestriction(_moment(question.earliest), _moment(question.latest), question.catchup)
    found: Any = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
    if found is None:
        return TimetableAnswer()
    if not isinstance(found, DagRunInfo):
        raise InvalidArgument(f"next_dagrun_info() must give a DagRunInfo or None, not {found!r}")
    interval = _interval(found.data_interval)
    if question.last is not None and interval == question.last:
        raise InvalidArgument(f"next_dagrun_info() gives the run about {interval[0]} to {interval[1]} again")
    return TimetableAnswer(_iso(found.run_after), interval, _run_id(timetable, found))


def _run_id(timetable: Timetable, found: DagRunInfo) -> str | None:
    """What a ``generate_run_id()`` of its own says; it takes what it names of what Airflow 2 and 3 give."""
    if type(timetable).generate_run_id is Timetable.generate_run_id:
        return None
    known = {
        "run_type": "scheduled",
        "run_after": found.run_after,
        "logical_date": found.data_interval.start,
        "data_interval": found.data_interval,
    }
    generate: Any = timetable.generate_run_id
    run_id: Any = generate(**accepted_arguments(generate, (), known, {}))
    if not isinstance(run_id, str):
        raise InvalidArgument(f"generate_run_id() must give a string, not {run_id!r}")
    check_run_id(run_id)
    return run_id


def _find_class(question: AskTimetable) -> type[Timetable]:
    watch_plugins()
    watch_folder(question.folder)
    module_path, _, _ = question.classpath.rpartition(".")
    if module_path.split(".")[0] == module_name(question.file):
        loaded = load_file(question.file, question.folder)
        if loaded.module is None:
            raise InvalidArgument(f"its DAG file can't be imported: {loaded.errors[0].message}")
        found = _look(loaded.module, question.classpath.split(".")[1:])
    else:
        found = _import(question.classpath)
    if not (isinstance(found, type) and issubclass(found, Timetable)):
        raise InvalidArgument(f"{question.classpath!r} is no timetable class: it must derive from Timetable")
    return found


def _import(classpath: str) -> Any:
    """The object of that path, which may be in a class."""
    names = classpath.split(".")
    for number in range(len(names) - 1, 0, -1):
        module_path = ".".join(names[:number])
        try:
            return _look(importlib.import_module(module_path), names[number:])
        except ModuleNotFoundError as error:
            if number == 1 or error.name is None or not module_path.startswith(error.name):
                raise
    raise InvalidArgument(f"timetable class {classpath!r} must have its module in front")


def _look(scope: Any, names: list[str]) -> Any:
    for name in names:
        scope = getattr(scope, name, None)
    return scope


def _interval(value: Any) -> tuple[str, str]:
    if not isinstance(value, tuple) or len(cast("tuple[Any, ...]", value)) != 2:
        raise InvalidArgument(f"a data interval must be a DataInterval, not {value!r}")
    start, end = cast("tuple[Any, Any]", value)
    return _iso(start), _iso(end)


def _iso(value: Any) -> str:
    if not isinstance(value, dt.datetime):
        raise InvalidArgument(f"a timetable must answer with datetimes, not {value!r}")
    return aware(value).astimezone(dt.UTC).isoformat()


def _needed(text: str) -> dt.datetime:
    return cast("dt.datetime", _moment(text))


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else pendulum_moment(dt.datetime.fromisoformat(text))
