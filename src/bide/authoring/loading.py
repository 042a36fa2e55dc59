"""Importing a DAG file: for the parser, and for the processes that run its tasks and triggers."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, TracebackType
from typing import NamedTuple

from bide.authoring import zipped
from bide.authoring.dag import DAG
from bide.authoring.fresh_sources import look_again, watch_folder
from bide.authoring.inputs import Stamp, module_files, recorded_inputs
from bide.authoring.plugins import load_plugins, watch_plugins
from bide.authoring.scope import collecting
from bide.model.dag_modules import module_name
from bide.model.errors import BideError, PolicySkipDag
from bide.observe.tracebacks import format_error


class FileProblem(NamedTuple):
    """Why a file, or one DAG of it, can't be used."""

    #: One line: kind of error, value, file and line.
    message: str
    traceback: str = ""
    line: int | None = None
    #: The DAG concerned, or None for the whole file.
    dag_id: str | None = None


@dataclass
class LoadedFile:
    """A DAG file that was imported, or why it could not be."""

    path: str
    folder: str
    #: By id, in the order of their making; empty if the import failed. Not validated.
    dags: dict[str, DAG] = field(default_factory=dict[str, DAG])
    errors: list[FileProblem] = field(default_factory=list[FileProblem])
    #: None if the import failed.
    module: ModuleType | None = None
    #: Files that the import has read, each with (mtime in ns, size).
    inputs: dict[str, Stamp] = field(default_factory=dict[str, Stamp])


def load_file(path: str, folder: str) -> LoadedFile:
    """Import `path` with `folder` on ``sys.path`` and collect the DAGs that it makes.

    Never raises for what the file does: that is in ``errors``. Two DAGs with one id are an error
    of that id, and neither is in ``dags``. Loading a file again replaces its module.
    """
    loaded = LoadedFile(path, folder)
    plugins = watch_plugins()
    watch_folder(folder)
    look_again(folder)
    with collecting() as made, recorded_inputs(folder) as inputs:
        inputs.add(path)
        modules = _import_zip(loaded) if path.endswith(zipped.SUFFIX) else _import_one(loaded)
    for file in [*load_plugins().files, *(module_files(plugins) if plugins is not None else ())]:
        inputs.add(file)
    loaded.inputs = inputs.stamps
    for place, module in modules.items():
        _take_dags(loaded, made, module, place)
    return loaded


def _import_one(loaded: LoadedFile) -> dict[str, ModuleType]:
    try:
        loaded.module = _import(loaded.path)
    except BaseException as error:
        loaded.errors.append(_problem(error, loaded.path))
        return {}
    return {loaded.path: loaded.module}


def _import_zip(loaded: LoadedFile) -> dict[str, ModuleType]:
    """The modules of a zip by their paths; what all of them define is found in ``loaded.module``."""
    path = loaded.path
    modules: dict[str, ModuleType] = {}
    try:
        found = [member for member in zipped.members(path) if zipped.mentions_dags(member.source)]
        zipped.make_importable(path)
        for member in found:
            path = member.path
            modules[path] = zipped.run_member(member)
    except BaseException as error:
        loaded.errors.append(_problem(error, path))
        return {}
    loaded.module = ModuleType(module_name(loaded.path))
    for module in modules.values():
        vars(loaded.module).update({name: one for name, one in vars(module).items() if not name.startswith("__")})
    return modules


def _import(path: str) -> ModuleType:
    """Compile and run the file. Its bytecode is never cached: a file changed twice in a second would be missed."""
    name = module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file: its name must end with .py")
    module = importlib.util.module_from_spec(spec)
    code = compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return module


def _take_dags(loaded: LoadedFile, made: list[DAG], module: ModuleType, path: str) -> None:
    """DAGs in the globals of the module at `path`, and those that its own code made without keeping them there.

    What another file of the folder has made is that file's, though this one may have imported it.
    """
    in_globals = {id(value) for value in vars(module).values() if isinstance(value, DAG)}
    imported = [value for value in vars(module).values() if isinstance(value, DAG) and value not in made]
    own = [dag for dag in made if id(dag) in in_globals or (dag.auto_register and _same_file(dag.fileloc, path))]
    by_id: dict[str, list[DAG]] = {}
    for dag in [*own, *imported]:
        same = by_id.setdefault(dag.dag_id, [])
        if dag not in same and not _is_anothers(dag, loaded, path):
            same.append(dag)
    for dag_id, same in by_id.items():
        if not same:
            continue
        if len(same) > 1:
            message = f"DuplicateId: the file makes {len(same)} DAGs with the id {dag_id!r} ({loaded.path})"
            loaded.errors.append(FileProblem(message, dag_id=dag_id))
            continue
        same[0].dags_folder = loaded.folder
        loaded.dags[dag_id] = same[0]
    _apply_policies(loaded)


def _apply_policies(loaded: LoadedFile) -> None:
    """Take out the DAGs that a policy leaves out, or does not allow: the latter with an error."""
    policies = load_plugins().policies
    if policies is None:
        return
    for dag_id, dag in list(loaded.dags.items()):
        try:
            policies.apply(dag)
        except PolicySkipDag:
            del loaded.dags[dag_id]
        except Exception as error:
            del loaded.dags[dag_id]
            message = f"{type(error).__name__}: DAG {dag_id!r}: {error} ({loaded.path})"
            text = "" if isinstance(error, BideError) else format_error(error, error.__traceback__)
            loaded.errors.append(FileProblem(message, text, dag_id=dag_id))


def _is_anothers(dag: DAG, loaded: LoadedFile, path: str) -> bool:
    """Whether a module beside the file has made `dag` and keeps it."""
    if _same_file(dag.fileloc, path) or not Path(dag.fileloc).is_relative_to(Path(loaded.folder).absolute()):
        return False
    return any(
        getattr(module, "__file__", None) == dag.fileloc and any(value is dag for value in vars(module).values())
        for module in list(sys.modules.values())
    )


def _same_file(one: str, other: str) -> bool:
    return one == other or Path(one).resolve() == Path(other).resolve()


def _problem(error: BaseException, path: str) -> FileProblem:
    line = _line_of(error, path)
    where = f"{path}, line {line}" if line is not None else path
    text = format_error(error, own_traceback(error.__traceback__, path))
    if isinstance(error, SystemExit):
        return FileProblem(
            f"SystemExit: the file calls sys.exit({error.code!r}) while it is imported ({where})", text, line
        )
    what = error.msg if isinstance(error, SyntaxError) else str(error)
    first_line = (what or "").strip().partition("\n")[0]
    kind = type(error).__name__
    return FileProblem(f"{kind}: {first_line} ({where})" if first_line else f"{kind} ({where})", text, line)


def _line_of(error: BaseException, path: str) -> int | None:
    """The line of `path` that the error comes from, be it in a module that the file imports."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno
    line: int | None = None
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == path:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def own_traceback(trace: TracebackType | None, path: str) -> TracebackType | None:
    """`trace` from the first line of the file `path` on, without what led there; None if that is not in it."""
    while trace is not None and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    return trace
