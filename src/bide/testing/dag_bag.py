"""``DagBag``: all DAGs of a folder, under the names that Airflow's users know."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from bide.authoring.dag import DAG
from bide.authoring.hints import did_you_mean
from bide.config.load import load_config
from bide.engine.parsing.ignoring import IgnoreSyntax
from bide.engine.parsing.listing import Lister, Source
from bide.model.errors import InvalidArgument
from bide.testing.dag_files import parse_file

#: What Airflow's constructor takes and what means nothing here: there is no database, and there are no examples.
_PASSED_OVER = frozenset(
    {"bundle_name", "bundle_path", "include_examples", "known_pools", "load_op_links", "store_serialized_dags"}
)


class FileLoadStat(NamedTuple):
    """What the import of one file came to."""

    file: str
    duration: timedelta
    dag_num: int
    task_num: int
    #: The ids of its DAGs, as text.
    dags: str
    warning_num: int


class DagBag:
    """Imports all DAG files below a folder, or one file, in this process.

        def test_no_import_errors():
            assert DagBag("dags/", include_examples=False).import_errors == {}

    `dag_folder` is by default that of the project's settings, as are `safe_mode` and the syntax of ignore files.
    """

    def __init__(
        self,
        dag_folder: str | Path | None = None,
        include_examples: object = False,
        safe_mode: bool | None = None,
        read_dags_from_db: bool = False,
        *,
        collect_dags: bool = True,
        **options: Any,
    ) -> None:
        for name in options:
            if name not in _PASSED_OVER:
                known = {"dag_folder", "safe_mode", "collect_dags", *_PASSED_OVER}
                raise InvalidArgument(f"DagBag() takes no argument {name!r}{did_you_mean(name, known)}")
        if read_dags_from_db:
            raise InvalidArgument("DagBag(read_dags_from_db=True): tests have no database; leave it out")
        config = load_config(Path.cwd(), os.environ, {})
        core = config.settings.core
        #: Absolute.
        self.dag_folder = str(Path(dag_folder if dag_folder is not None else config.dags_folder).absolute())
        #: By id, in the order of files and of their making.
        self.dags: dict[str, DAG] = {}
        #: What is wrong, by file.
        self.import_errors: dict[str, str] = {}
        #: What imports have warned of, by file.
        self.captured_warnings: dict[str, tuple[str, ...]] = {}
        #: One for each file.
        self.dagbag_stats: list[FileLoadStat] = []
        self._file_of: dict[str, str] = {}
        self._safe_mode = core.dag_discovery_safe_mode if safe_mode is None else safe_mode
        self._ignore_syntax: IgnoreSyntax = core.dag_ignore_file_syntax
        if collect_dags:
            self.collect_dags()

    @property
    def dag_ids(self) -> list[str]:
        """The ids of all DAGs."""
        return list(self.dags)

    def size(self) -> int:
        """How many DAGs there are."""
        return len(self.dags)

    def get_dag(self, dag_id: str, session: object = None) -> DAG | None:
        """One DAG, or None."""
        return self.dags.get(dag_id)

    def collect_dags(
        self,
        dag_folder: str | Path | None = None,
        only_if_updated: bool = True,
        include_examples: object = False,
        safe_mode: bool | None = None,
    ) -> None:
        """Import all DAG files of a folder, by default that of the bag; a file that was read is read again."""
        folder = Path(dag_folder or self.dag_folder).absolute()
        source = Source.of(folder)
        wanted = self._safe_mode if safe_mode is None else safe_mode
        listed = Lister(safe_mode=wanted, ignore_syntax=self._ignore_syntax).list([source])
        if not folder.exists():
            self.import_errors[str(folder)] = f"there is no file or folder {folder}"
        for path, one in listed.items():
            if one.is_dag_file:
                self._read(path, one.folder)
        self.dagbag_stats.sort(key=lambda stat: stat.duration, reverse=True)

    def process_file(self, filepath: str | Path, only_if_updated: bool = True, safe_mode: bool = True) -> list[DAG]:
        """Import one file; its DAGs."""
        path = Path(filepath).absolute()
        inside = path.is_relative_to(self.dag_folder) and Path(self.dag_folder).is_dir()
        return self._read(str(path), self.dag_folder if inside else str(path.parent))

    def dagbag_report(self) -> str:
        """How long each file took, and what is in it, as text."""
        rows = [
            f"{stat.duration.total_seconds():8.3f} s  {stat.dag_num:4} DAGs  {stat.task_num:5} tasks  {stat.file}"
            for stat in self.dagbag_stats
        ]
        whole = sum(stat.duration.total_seconds() for stat in self.dagbag_stats)
        tasks = sum(stat.task_num for stat in self.dagbag_stats)
        total = f"{len(rows)} files, {self.size()} DAGs, {tasks} tasks, {len(self.import_errors)} with errors"
        return "\n".join([f"DagBag of {self.dag_folder}: {total}, {whole:.3f} s", *rows])

    def _read(self, path: str, folder: str) -> list[DAG]:
        self._forget(path)
        begun = time.monotonic()
        file = parse_file(path, folder)
        taken = self._taken(path, file.dags)
        errors = [*file.errors, *taken.values()]
        if errors:
            self.import_errors[path] = "\n".join(errors)
        if file.warnings:
            self.captured_warnings[path] = tuple(file.warnings)
        found = {dag_id: dag for dag_id, dag in file.dags.items() if dag_id not in taken}
        self.dags.update(found)
        self._file_of.update(dict.fromkeys(found, path))
        self.dagbag_stats.append(
            FileLoadStat(
                file=path,
                duration=timedelta(seconds=time.monotonic() - begun),
                dag_num=len(found),
                task_num=sum(len(dag.tasks) for dag in found.values()),
                dags=str(list(found)),
                warning_num=len(file.warnings),
            )
        )
        return list(found.values())

    def _taken(self, path: str, dags: Mapping[str, DAG]) -> dict[str, str]:
        """What to say of DAGs whose ids other files have already."""
        return {
            dag_id: f"DAG id {dag_id!r} of {path} is taken: {self._file_of[dag_id]} makes a DAG of that id too"
            for dag_id in dags
            if dag_id in self.dags
        }

    def _forget(self, path: str) -> None:
        """What was read from `path` before."""
        self.import_errors.pop(path, None)
        self.captured_warnings.pop(path, None)
        self.dagbag_stats = [stat for stat in self.dagbag_stats if stat.file != path]
        for dag_id in [dag_id for dag_id, owner in self._file_of.items() if owner == path]:
            del self.dags[dag_id], self._file_of[dag_id]
