"""Store what a parse of a DAG file found."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from bide.control.plan_runs import plan_next_run
from bide.control.register_assets import register_assets
from bide.control.register_watchers import register_watchers
from bide.model.dag_spec import DagSpec
from bide.store import Store, Tx, dags, files, specs, timetable_questions
from bide.wire.messages import FileError, FileParsed


async def register_file(
    store: Store,
    parsed: FileParsed,
    *,
    folder: str,
    paused_at_creation: bool,
    is_file: Callable[[str], bool] = os.path.isfile,
) -> FileParsed:
    """Store the DAGs and the errors of one file; the answer has those DAGs that could be stored, and all errors.

    A file that can't be read any more keeps its last good DAGs; a DAG that a readable file no longer makes is
    deactivated. A DAG id that another file has is an error of this file, unless that one is gone (`is_file`). A DAG
    whose code has not changed, but whose dates are others at each import, keeps its version and its dates.
    """

    def work(tx: Tx) -> FileParsed:
        is_unchanged = files.inputs_of(tx, parsed.path) == parsed.inputs
        files.save(tx, parsed.path, folder=folder, duration=parsed.duration, inputs=parsed.inputs)
        errors = list(parsed.errors)
        stored: list[DagSpec] = []
        for spec in parsed.dags:
            taken_by = _other_file(tx, spec, is_file)
            if taken_by is None:
                _save_dag(tx, spec, paused_at_creation, is_unchanged)
                stored.append(spec)
            else:
                errors.append(taken_id(spec, taken_by))
        register_watchers(
            tx,
            {spec.dag_id for spec in stored},
            parsed.watchers,
            file=parsed.path,
            folder=folder,
            is_file=is_file,
        )
        whole_file_failed = any(error.dag_id is None for error in parsed.errors)
        kept = {spec.dag_id for spec in stored} | {error.dag_id for error in errors}
        if not whole_file_failed:
            dags.deactivate(tx, {row.dag_id for row in dags.of_file(tx, parsed.path)} - kept)
        files.replace_errors(
            tx,
            parsed.path,
            [files.ImportErrorRow(parsed.path, one.dag_id, one.line, one.message, one.traceback) for one in errors],
        )
        return msgspec.structs.replace(parsed, dags=tuple(stored), errors=tuple(errors))

    return await store.write(work)


async def forget_file(store: Store, path: str) -> None:
    """The file is gone, and its DAGs with it; their history stays."""

    def work(tx: Tx) -> None:
        dags.deactivate(tx, {row.dag_id for row in dags.of_file(tx, path)})
        files.forget(tx, path)

    await store.write(work)


async def known_files(store: Store) -> set[str]:
    """The files that the store has heard of."""
    return await store.read(files.known_paths)


def _other_file(tx: Tx, spec: DagSpec, is_file: Callable[[str], bool]) -> str | None:
    """The file, still there, that makes a DAG of the same id."""
    known = dags.find(tx, spec.dag_id)
    if known is None or not known.is_active or known.fileloc == spec.file or not is_file(known.fileloc):
        return None
    return known.fileloc


def taken_id(spec: DagSpec, other: str) -> FileError:
    """The error of a file whose DAG has an id that the file `other` has already."""
    return FileError(
        f"DAG id {spec.dag_id!r} of {spec.file} is taken: {other} makes a DAG of that id too; rename one of them",
        dag_id=spec.dag_id,
    )


def _save_dag(tx: Tx, spec: DagSpec, paused_at_creation: bool, is_unchanged: bool) -> None:
    known = dags.find(tx, spec.dag_id)
    same = known.version_uid if known is not None and is_unchanged and known.fileloc == spec.file else None
    version_uid, _ = specs.keep_version(tx, spec, unless_dates_of=same)
    paused = paused_at_creation if spec.paused_on_creation is None else spec.paused_on_creation
    changed = known is None or known.version_uid != version_uid or not known.is_active
    dags.save(tx, spec, version_uid=version_uid, is_paused=paused, known=known is not None)
    if changed:
        # Its timetable may have been another one.
        timetable_questions.withdraw(tx, spec.dag_id)
        register_assets(tx, spec)
        plan_next_run(tx, spec.dag_id)
