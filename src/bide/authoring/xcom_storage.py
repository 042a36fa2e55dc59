"""Large XComs in object storage: one object for each, below ``[xcom] objectstorage_path``.

Any place that fsspec knows will do: ``s3://bucket/xcoms``, ``gs://...``, ``file:///srv/xcoms``. An object's name
has DAG, run, task, map index and try, so that the next try removes what the ones before have left.
"""

from __future__ import annotations

import gzip
import logging
import uuid
from importlib import import_module
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from bide.model.errors import ConfigError, ValueRefused
from bide.model.value_objects import reference_to

_log = logging.getLogger("bide.runner")

_SUFFIX: Final = ".json"
_PACKED: Final = ".json.gz"


class Place(NamedTuple):
    """The try of a task instance that stores a value."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int


class XComStorage:
    """Writes and reads objects below `path`, which is a URL; values of `threshold` bytes or more go there."""

    def __init__(self, path: str, threshold: int, *, packed: bool = False) -> None:
        self._path = path.rstrip("/")
        self._threshold = threshold
        self._packed = packed
        self._opened: tuple[Any, str] | None = None

    def put(self, data: bytes, place: Place, key: str) -> bytes:
        """What to store in the database for an encoded value: itself, or where it is now."""
        if self._threshold < 0 or len(data) < self._threshold:
            return data
        fs, root = self._open()
        name = f"{quote(key, safe='')}-{uuid.uuid4().hex}{_PACKED if self._packed else _SUFFIX}"
        folder = f"{self._folder(place)}/{place.try_number}"
        fs.makedirs(f"{root}/{folder}", exist_ok=True)
        with fs.open(f"{root}/{folder}/{name}", "wb") as file:
            file.write(gzip.compress(data) if self._packed else data)
        return reference_to(f"{self._path}/{folder}/{name}", len(data))

    def fetch(self, url: str) -> bytes:
        """The encoded value at `url`. Raises :class:`ValueRefused` unless it lies below the path."""
        inside = url.removeprefix(self._path + "/")
        if inside == url or ".." in inside.split("/"):
            raise ValueRefused(
                f"the value lies at {url}, which is not below [xcom] objectstorage_path {self._path}"
            )
        fs, root = self._open()
        try:
            with fs.open(f"{root}/{inside}", "rb") as file:
                data: bytes = file.read()
        except FileNotFoundError:
            raise ValueRefused(f"the value that was stored at {url} is gone") from None
        return gzip.decompress(data) if url.endswith(_PACKED) else data

    def purge_earlier(self, place: Place) -> None:
        """Remove what earlier tries of this instance have left. A failure is logged: the task itself can go on."""
        fs, root = self._open()
        folder = f"{root}/{self._folder(place)}"
        try:
            for one in fs.ls(folder, detail=False):
                number = one.rstrip("/").rpartition("/")[2]
                if number.isdigit() and int(number) < place.try_number:
                    fs.rm(one, recursive=True)
        except FileNotFoundError:
            return
        except Exception as error:
            _log.warning("XComs of earlier tries can't be removed from %s: %s", folder, error)

    def remove_run(self, dag_id: str, run_id: str) -> None:
        """Remove all that a run has left."""
        fs, root = self._open()
        folder = f"{root}/{quote(dag_id, safe='')}/{quote(run_id, safe='')}"
        try:
            fs.rm(folder, recursive=True)
        except FileNotFoundError:
            return

    def _folder(self, place: Place) -> str:
        names = (place.dag_id, place.run_id, place.task_id, str(place.map_index))
        return "/".join(quote(name, safe="") for name in names)

    def _open(self) -> tuple[Any, str]:
        if self._opened is None:
            try:
                core = import_module("fsspec.core")
            except ImportError:
                raise ConfigError(
                    "[xcom] objectstorage_path is set, but the package fsspec is missing: "
                    "pip install 'bide[objects]'"
                ) from None
            fs, root = core.url_to_fs(self._path)
            self._opened = fs, str(root).rstrip("/")
        return self._opened
