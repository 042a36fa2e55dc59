"""Trigger classes in a process that outlives changes of their code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bide.authoring.fresh_sources import watch_folder
from bide.authoring.inputs import Stamp, changed_input, loose_module_files, module_files, stamp_of
from bide.authoring.loading import LoadedFile, load_file
from bide.authoring.plugins import forget_plugins, plugins_folder, watch_plugins
from bide.model.dag_modules import module_name
from bide.model.errors import BideError
from bide.runner.resolve import resolve_operator, resolve_trigger


class ClassPath(NamedTuple):
    """What a class is found by."""

    path: str
    dag_file: str
    dag_folder: str
    of: Literal["trigger", "operator"] = "trigger"


#: A class, or why there is none.
FoundClass = type[Any] | BaseException


class NotHere(BideError):
    """This process can't import what is wanted; another one can."""


class CodeChanged(NotHere):
    """A file has changed that this process has imported, and triggers that run here were made of."""


class TriggerClasses:
    """Imports trigger classes, each once, until a file that they may come from has changed.

    Then they are imported anew, if they lie in the folders of DAGs and plugins. But while `in_use` says that there
    are triggers made of them, which keep what they were made of, it is time for another process.
    Not for several threads at once.
    """

    def __init__(self, in_use: Callable[[], bool]) -> None:
        self._in_use = in_use
        self._classes: dict[ClassPath, type[Any]] = {}
        self._files: dict[str, LoadedFile] = {}
        self._inputs: dict[str, dict[str, Stamp]] = {}
        #: What is being imported, which has no class for a whole file, and how many imports were begun.
        self.importing: tuple[ClassPath | None, int] = None, 0

    def resolve(self, wanted: Iterable[ClassPath]) -> dict[ClassPath, FoundClass]:
        """Each class, or why there is none. Imports what is not imported, so this may take long.

        Raises :class:`CodeChanged` if that can't be done in this process any more.
        """
        found: dict[ClassPath, FoundClass] = {}
        checked: set[str] = set()
        for one in wanted:
            if one.dag_folder not in checked:
                checked.add(one.dag_folder)
                self._forget_if_changed(one.dag_folder)
            try:
                found[one] = self._resolve(one)
            except BaseException as error:
                # A module that calls sys.exit() must not end this process.
                found[one] = error
        return found

    def load_file(self, dag_file: str, dag_folder: str) -> LoadedFile:
        """The DAG file as it is now, imported if it is not or has changed; may raise :class:`CodeChanged`."""
        wanted = class_path("", dag_file, dag_folder)
        self._forget_if_changed(wanted.dag_folder)
        self._begin_import(wanted)
        try:
            return self._load(wanted)
        finally:
            self._end_import()
            self._note_inputs(wanted.dag_folder)

    def _resolve(self, wanted: ClassPath) -> type[Any]:
        known = self._classes.get(wanted)
        if known is not None:
            return known
        watch_plugins()
        watch_folder(wanted.dag_folder)
        self._begin_import(wanted)
        try:
            resolve = resolve_trigger if wanted.of == "trigger" else resolve_operator
            cls = resolve(wanted.path, wanted.dag_file, lambda: self._load(wanted))
        finally:
            self._end_import()
            self._note_inputs(wanted.dag_folder)
        self._classes[wanted] = cls
        return cls

    def _begin_import(self, wanted: ClassPath) -> None:
        self.importing = wanted, self.importing[1] + 1

    def _end_import(self) -> None:
        self.importing = None, self.importing[1]

    def _load(self, wanted: ClassPath) -> LoadedFile:
        loaded = self._files.get(wanted.dag_file)
        if loaded is None:
            loaded = load_file(wanted.dag_file, wanted.dag_folder)
            self._inputs.setdefault(wanted.dag_folder, {}).update(loaded.inputs)
            if loaded.module is not None:
                self._files[wanted.dag_file] = loaded
        return loaded

    def _note_inputs(self, folder: str) -> None:
        inputs = self._inputs.setdefault(folder, {})
        for path in {*modules_of(folder), *loose_module_files()}:
            stamp = stamp_of(path)
            if stamp is not None:
                inputs.setdefault(path, stamp)

    def _forget_if_changed(self, folder: str) -> None:
        inputs = self._inputs.get(folder)
        changed = changed_input(inputs) if inputs else None
        if changed is None:
            return
        stale = set(modules_of(folder))
        if self._in_use() or not (changed in stale or changed in self._files):
            raise CodeChanged(f"{changed} has changed")
        del self._inputs[folder]
        forget_plugins()
        for path in [path for path, loaded in self._files.items() if loaded.folder == folder]:
            del self._files[path]
            sys.modules.pop(module_name(path), None)
        for name, module in list(sys.modules.items()):
            if getattr(module, "__file__", None) in stale:
                del sys.modules[name]
        for key in [key for key in self._classes if key.dag_folder == folder]:
            del self._classes[key]


def modules_of(folder: str) -> list[str]:
    """Sources of imported modules in the DAG folder and the plugin folder."""
    plugins = plugins_folder()
    return [*module_files(folder), *(module_files(plugins) if plugins is not None else ())]


def class_path(
    classpath: str, dag_file: str, dag_folder: str, *, of: Literal["trigger", "operator"] = "trigger"
) -> ClassPath:
    """Absolute paths make equal files equal."""
    return ClassPath(classpath, str(Path(dag_file).absolute()), str(Path(dag_folder).absolute()), of)
