"""The DAGs of a project: from the engine's store while it runs, else from the files themselves."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from bide.cli.dag_files import error_rows, parse_files
from bide.cli.engines import PARSING, find_engines
from bide.cli.opening import check_schema, has_store, open_any_store
from bide.cli.output import Row
from bide.config.resolved import Config
from bide.model.dag_spec import DagSpec
from bide.model.errors import NotFound
from bide.model.timetables import Interval
from bide.store import Tx, dags, files, specs, timetable_questions
from bide.store.migrate import schema_state
from bide.store.views import EVERYTHING, list_dags, list_import_errors
from bide.wire.messages import FileParsed


class DagRow(NamedTuple):
    """One DAG; what only the store knows is None where it was never stored."""

    spec: DagSpec
    is_paused: bool | None
    next_run_at: datetime | None
    #: The data interval of the next scheduled run.
    planned: Interval | None = None
    #: Why its timetable can't say when it runs next.
    problem: str | None = None


async def known_dags(config: Config, *, parse: bool) -> tuple[list[DagRow], int]:
    """DAGs by id, and how many import errors there are. `parse`: read the files even if an engine runs."""
    stored, error_count = await _stored(config)
    if await _ask_store(config, parse):
        return stored, error_count
    known = {row.spec.dag_id: row for row in stored}
    parsed = await _parse(config)
    rows = [
        earlier._replace(spec=spec) if earlier else DagRow(spec, None, None)
        for file in parsed
        for spec in file.dags
        for earlier in [known.get(spec.dag_id)]
    ]
    return sorted(rows, key=lambda row: row.spec.dag_id), len(error_rows(parsed))


async def resolve_dag(config: Config, dag_id: str, *, parse: bool) -> DagRow:
    """One DAG, or :class:`NotFound`."""
    rows, broken = await known_dags(config, parse=parse)
    for row in rows:
        if row.spec.dag_id == dag_id:
            return row
    known = ", ".join(row.spec.dag_id for row in rows) or "none"
    hint = f"; {broken} files can't be read (see `bide dags errors`)" if broken else ""
    raise NotFound(f"there is no DAG {dag_id!r} in {config.dags_folder}; there are: {known}{hint}")


async def known_errors(config: Config, *, parse: bool) -> list[Row]:
    """Import errors by file."""
    if not await _ask_store(config, parse):
        return [
            _error(path, error.dag_id, error.line, error.message, error.traceback)
            for path, error in error_rows(await _parse(config))
        ]
    async with open_any_store(config) as store:
        check_schema(store, config)
        return await store.read(_stored_errors)


async def file_reports(config: Config, *, parse: bool) -> list[Row]:
    """What the import of each DAG file came to, the slowest first. `parse`: read them even if an engine runs."""
    if not await _ask_store(config, parse):
        parsed = await _parse(config)
        rows = [
            _report(file.path, file.duration, [len(spec.tasks) for spec in file.dags], len(file.errors))
            for file in parsed
        ]
    else:
        async with open_any_store(config) as store:
            check_schema(store, config)
            rows = await store.read(_stored_reports)
    return sorted(rows, key=lambda row: -row["seconds"])


def _stored_reports(tx: Tx) -> list[Row]:
    tasks: dict[str, list[int]] = {}
    for row in list_dags(tx, EVERYTHING)[0]:
        spec = specs.structure_of(tx, row.version_uid).spec
        tasks.setdefault(spec.file, []).append(len(spec.tasks))
    errors = Counter(row.filename for row in list_import_errors(tx, EVERYTHING)[0])
    return [
        _report(path, duration, tasks.get(path, []), errors[path]) for path, duration in files.durations(tx).items()
    ]


def _report(file: str, seconds: float, tasks: list[int], errors: int) -> Row:
    return {"file": file, "seconds": round(seconds, 3), "dags": len(tasks), "tasks": sum(tasks), "errors": errors}


async def _ask_store(config: Config, parse: bool) -> bool:
    return not parse and any(one.kind in PARSING for one in await find_engines(config))


async def _parse(config: Config) -> list[FileParsed]:
    return await parse_files(config, config.dags_folder) if config.dags_folder.is_dir() else []


async def _stored(config: Config) -> tuple[list[DagRow], int]:
    if not has_store(config):
        return [], 0

    def read(tx: Tx) -> tuple[list[DagRow], int]:
        rows, _ = list_dags(tx, EVERYTHING)
        planned = dags.planned_intervals(tx)
        problems = {one.dag_id: one.error for one in timetable_questions.troubles(tx)}
        found = [
            DagRow(
                specs.structure_of(tx, row.version_uid).spec,
                row.is_paused,
                row.next_run_at,
                planned.get(row.dag_id),
                problems.get(row.dag_id),
            )
            for row in rows
        ]
        return found, len(problems) + list_import_errors(tx)[1]

    async with open_any_store(config) as store:
        if store.is_shared and schema_state(store).revision is None:
            return [], 0
        check_schema(store, config)
        return await store.read(read)


def _stored_errors(tx: Tx) -> list[Row]:
    """Import errors, and timetables that fail."""
    rows, _ = list_import_errors(tx, EVERYTHING)
    errors = [_error(row.filename, row.dag_id, row.line, row.message, row.stack_trace) for row in rows]
    for one in timetable_questions.troubles(tx):
        known = dags.find(tx, one.dag_id)
        if known is not None:
            errors.append(_error(known.fileloc, one.dag_id, None, one.error, one.stack_trace))
    return errors


def _error(file: str, dag_id: str | None, line: int | None, message: str, traceback: str) -> Row:
    return {"file": file, "dag_id": dag_id, "line": line, "message": message, "traceback": traceback}
