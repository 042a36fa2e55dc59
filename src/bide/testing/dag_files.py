"""Whether DAG files can be imported, and what they make."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from bide.authoring.dag import DAG
from bide.authoring.loading import load_file
from bide.authoring.runtime import use_runtime
from bide.authoring.serialize import serialize_dag
from bide.engine.parsing.listing import Lister, Source
from bide.model.errors import NotFound
from bide.observe.clock import SystemClock
from bide.runner.asset_watchers import watchers_of
from bide.runner.failures import one_line, user_traceback
from bide.runner.runtimes import ProcessRuntime


@dataclass(frozen=True)
class ParsedFile:
    """One DAG file."""

    path: Path
    #: By id; those that could be stored.
    dags: dict[str, DAG]
    #: What is wrong, each with its traceback if it has one.
    errors: list[str]
    #: What the import has warned of, in files of the DAG folder.
    warnings: list[str]

    def raise_for_errors(self) -> None:
        """Raise AssertionError with all errors, if there are any."""
        if self.errors:
            raise AssertionError("\n".join([f"{self.path} has errors:", *self.errors]))


@dataclass(frozen=True)
class ParsedFolder:
    """All DAG files of a folder."""

    files: dict[Path, ParsedFile]
    #: By id.
    dags: dict[str, DAG]
    #: By file, as text.
    import_errors: dict[str, str]

    def raise_for_errors(self) -> None:
        """Raise AssertionError with all errors, if there are any."""
        if self.import_errors:
            raise AssertionError("\n".join(f"{path}: {text}" for path, text in self.import_errors.items()))


def parse_file(path: str | Path, folder: str | Path | None = None) -> ParsedFile:
    """Import a DAG file in this process as the engine's parser does in its own, and validate its DAGs.

    `folder`, by default the one that the file lies in, is put on ``sys.path`` and stays there, since tasks import
    from it when they run. What is wrong with the file is in the answer; only a file that is not there raises.
    """
    file = Path(path).absolute()
    if not file.is_file():
        raise NotFound(f"there is no DAG file {file}")
    root = str(Path(folder).absolute() if folder is not None else file.parent)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        with use_runtime(ProcessRuntime(SystemClock()), in_all_threads=True):
            loaded = load_file(str(file), root)
            errors = [f"{one.message}\n{one.traceback}".rstrip() for one in loaded.errors]
            dags: dict[str, DAG] = {}
            for dag_id, dag in loaded.dags.items():
                try:
                    serialize_dag(dag, file=loaded.path, folder=loaded.folder)
                    watchers_of(dag, loaded.path, lambda: loaded)
                except Exception as error:
                    errors.append(f"{one_line(error)}\n{user_traceback(error)}".rstrip())
                else:
                    dags[dag_id] = dag
    return ParsedFile(
        file,
        dags,
        errors,
        [f"{one.category.__name__}: {one.message}" for one in caught if one.filename.startswith(root)],
    )


def dag_bag(folder: str | Path, *, safe_mode: bool = True) -> ParsedFolder:
    """Import all DAG files below `folder` that the engine would find there.

    With `safe_mode` only those that have the words "dag" and "bide" or "airflow" in them.
    """
    root = Path(folder).absolute()
    if not root.is_dir():
        raise NotFound(f"there is no folder {root}")
    listed = Lister(safe_mode=safe_mode).list([Source(root)])
    files = {Path(path): parse_file(path, root) for path, one in listed.items() if one.is_dag_file}
    dags: dict[str, DAG] = {}
    errors = {str(path): "\n".join(file.errors) for path, file in files.items() if file.errors}
    for path, file in files.items():
        for dag_id, dag in file.dags.items():
            if dag_id in dags:
                said = f"DAG id {dag_id!r} is taken: {dags[dag_id].fileloc} makes a DAG of that id too"
                errors[str(path)] = "\n".join(filter(None, [errors.get(str(path)), said]))
            else:
                dags[dag_id] = dag
    return ParsedFolder(files, dags, errors)
