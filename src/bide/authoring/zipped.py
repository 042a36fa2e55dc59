"""DAG files in a zip: the Python files at its top level, which import what else is in it."""

from __future__ import annotations

import sys
import zipfile
import zipimport
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

from bide.model.dag_modules import module_name

#: How the name of such a file ends.
SUFFIX = ".zip"


class Member(NamedTuple):
    """One DAG file of a zip."""

    #: ``/dags/pack.zip/etl.py``, as Python calls modules in a zip.
    path: str
    source: bytes


class _Source:
    """Lets tracebacks show lines of a module that lies in no file."""

    def __init__(self, source: bytes) -> None:
        self._source = source

    def get_source(self, name: str) -> str:
        return self._source.decode("utf-8", "replace")


def members(path: str) -> Iterator[Member]:
    """The DAG files of the zip `path`, by name. Raises what reading it raises."""
    with zipfile.ZipFile(path) as pack:
        for name in sorted(pack.namelist()):
            if "/" not in name and name.endswith(".py") and not name.startswith((".", "__")):
                yield Member(f"{path}/{name}", pack.read(name))


def mentions_dags(source: bytes) -> bool:
    """Whether `source` has the words that a DAG file has."""
    text = source.lower()
    return b"dag" in text and (b"bide" in text or b"airflow" in text)


def make_importable(path: str) -> None:
    """Let modules in the zip be found, as it is now."""
    if path not in sys.path:
        sys.path.insert(0, path)
    sys.path_importer_cache.pop(path, None)
    zipimport.zipimporter(path).invalidate_caches()


def run_member(member: Member) -> ModuleType:
    """Run the code of `member` as a module of its own."""
    module = ModuleType(module_name(member.path))
    module.__file__ = member.path
    module.__dict__["__loader__"] = _Source(member.source)
    code = compile(member.source, member.path, "exec", dont_inherit=True)
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        if before is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = before
        raise
    return module
