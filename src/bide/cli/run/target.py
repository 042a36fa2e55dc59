"""What ``bide run`` is to run: a file, or a DAG by its id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bide.cli.dag_files import find_dag, parse_files
from bide.cli.exit_codes import BadInput
from bide.cli.opening import has_store, open_any_store
from bide.config.resolved import Config
from bide.model.dag_spec import DagSpec
from bide.model.errors import NotFound
from bide.store.migrate import schema_state
from bide.store.views import get_dag
from bide.wire.messages import FileParsed


@dataclass(frozen=True)
class Target:
    """A DAG file, and the DAG in it where that is known already."""

    path: Path
    #: On ``sys.path`` while the file is imported.
    folder: Path
    dag_id: str | None = None


async def find_target(config: Config, given: str) -> Target:
    """The file that `given`, a path or a DAG id, stands for. Raises BadInput or NotFound."""
    if _is_path(given):
        return _file_target(config, Path(given))
    known = await _known_file(config, given)
    if known is not None:
        return known
    if not _is_folder(config.dags_folder):
        raise NotFound(
            f"there is no file {given!r}, and no folder {config.dags_folder} to look for a DAG of that id"
        )
    parsed = await parse_files(config, config.dags_folder)
    spec, file = find_dag(parsed, given, config.dags_folder)
    return Target(Path(file.path), Path(spec.folder), given)


def choose_dag(parsed: FileParsed, wanted: str | None) -> DagSpec:
    """The DAG `wanted` of a parsed file, by default its only one. Raises BadInput with the file's errors."""
    made = {spec.dag_id: spec for spec in parsed.dags}
    if wanted is not None and wanted in made:
        return made[wanted]
    if wanted is None and len(made) == 1 and not parsed.errors:
        return next(iter(made.values()))
    relevant = [one for one in parsed.errors if wanted is None or one.dag_id in (None, wanted)]
    if relevant:
        raise BadInput("\n".join(f"{one.message}\n{one.traceback}".rstrip() for one in relevant))
    names = ", ".join(sorted(made))
    if wanted is not None:
        raise BadInput(f"{parsed.path} makes no DAG {wanted!r}" + (f", only {names}" if made else ""))
    if not made:
        raise BadInput(f"{parsed.path} makes no DAG: none was created when it was imported (see `bide dags lint`)")
    raise BadInput(f"{parsed.path} makes several DAGs: choose one with --dag ({names})")


def _is_path(given: str) -> bool:
    path = Path(given).expanduser()
    return path.suffix == ".py" or "/" in given or path.is_file()


def _is_folder(path: Path) -> bool:
    return path.is_dir()


def _file_target(config: Config, path: Path) -> Target:
    path = path.expanduser().absolute()
    if path.is_dir():
        raise BadInput(f"{path} is a folder: name one of its files, or a DAG id with --dags {path}")
    if not path.is_file():
        hint = (
            f"; did you mean {config.dags_folder / path.name}?"
            if (config.dags_folder / path.name).is_file()
            else ""
        )
        raise BadInput(f"there is no file {path}{hint}")
    path = path.resolve() if not path.is_relative_to(config.dags_folder) else path
    folder = config.dags_folder if path.is_relative_to(config.dags_folder) else path.parent
    return Target(path, folder)


async def _known_file(config: Config, dag_id: str) -> Target | None:
    """The file that made the DAG when it was last stored, if that is still there."""
    if not has_store(config):
        return None
    async with open_any_store(config) as store:
        if not schema_state(store).is_current:
            # The engine deals with that: it brings the store up to date, or refuses it.
            return None
        row = await store.read(lambda tx: get_dag(tx, dag_id))
    if row is None or not row.is_active:
        return None
    return _stored_target(config, Path(row.fileloc), dag_id)


def _stored_target(config: Config, path: Path, dag_id: str) -> Target | None:
    inside = path.is_relative_to(config.dags_folder)
    return Target(path, config.dags_folder if inside else path.parent, dag_id) if path.is_file() else None
