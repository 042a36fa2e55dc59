"""Paths in object storage: ``ObjectStoragePath("s3://bucket/folder", conn_id="aws_default") / "data.csv"``."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator, Mapping
from functools import cached_property
from typing import Any, Self

from bide.model.errors import InvalidArgument
from bide.standard.lineage import get_hook_lineage_collector
from bide.standard.object_names import ObjectName
from bide.standard.object_stores import attached, get_fs


class ObjectStat(dict[str, Any]):
    """What the storage says of an object, by its own names, and the usual ones as attributes."""

    @property
    def st_size(self) -> int:
        """Bytes."""
        return int(self.get("size") or 0)

    @property
    def st_mtime(self) -> float:
        """When it was written, in seconds since 1970; 0 where the storage doesn't say."""
        for name in ("mtime", "last_modified", "LastModified", "updated"):
            moment: Any = self.get(name)
            if moment is not None:
                return float(moment.timestamp() if hasattr(moment, "timestamp") else moment)
        return 0.0

    @property
    def st_mode(self) -> int:
        """Kind and rights; 0 where the storage has none."""
        return int(self.get("mode") or 0)


class ObjectStoragePath(ObjectName):
    """A path in a storage that fsspec knows, with most of what :class:`pathlib.Path` has.

    The connection may stand in the URL, too: ``s3://aws_default@bucket/key``. A path without a scheme is one of
    this machine. `storage_options` go to the file system. Paths can be XComs.
    """

    @cached_property
    def fs(self) -> Any:
        """The file system of fsspec."""
        store = attached(self.protocol, self.conn_id)
        return get_fs(self.protocol, self.conn_id, self.storage_options) if store is None else store.fs

    def exists(self) -> bool:
        """Whether there is something."""
        return bool(self.fs.exists(self.path))

    def is_file(self) -> bool:
        """Whether it is an object."""
        return bool(self.fs.isfile(self.path))

    def is_dir(self) -> bool:
        """Whether it is a folder, or the beginning of names of objects."""
        return bool(self.fs.isdir(self.path))

    def samefile(self, other: Any) -> bool:
        """Whether `other` is the same object."""
        return self == self._like(other)

    def stat(self) -> ObjectStat:
        """What the storage says of it. Raises :class:`FileNotFoundError`."""
        return ObjectStat({**self.fs.info(self.path), "conn_id": self.conn_id, "protocol": self.protocol})

    def size(self) -> int:
        """Bytes."""
        return int(self.fs.size(self.path))

    def checksum(self) -> Any:
        """Something that changes with the content."""
        return self.fs.checksum(self.path)

    def ukey(self) -> str:
        """A hash of what the storage says of it, to see whether it has changed."""
        return str(self.fs.ukey(self.path))

    def sign(self, expiration: int = 100, **kwargs: Any) -> str:
        """A URL by which others can read it, for so many seconds, where the storage can do that."""
        return str(self.fs.sign(self.path, expiration, **kwargs))

    def iterdir(self) -> Iterator[Self]:
        """What is in the folder."""
        for name in self.fs.ls(self.path, detail=False):
            if name.rstrip(self.sep) != self.path:
                yield self._at(name.rstrip(self.sep))

    def glob(self, pattern: str) -> Iterator[Self]:
        """What is inside and like a pattern; ``**`` is any number of folders."""
        for name in self.fs.glob(f"{self.path}{self.sep}{pattern}"):
            yield self._at(name)

    def rglob(self, pattern: str) -> Iterator[Self]:
        """What is anywhere inside and like a pattern."""
        return self.glob(f"**{self.sep}{pattern}")

    def walk(self) -> Generator[tuple[Self, list[str], list[str]]]:
        """Each folder inside, with the names of its folders and of its files."""
        for root, folders, files in self.fs.walk(self.path):
            yield self._at(root.rstrip(self.sep)), folders, files

    # --- reading and writing -----------------------------------------------------------------------------------

    def open(self, mode: str = "r", **kwargs: Any) -> Any:
        """Open it; further arguments are fsspec's, such as ``encoding`` or ``compression``."""
        collector = get_hook_lineage_collector()
        told = collector.add_input_asset if "r" in mode and "+" not in mode else collector.add_output_asset
        told(context=self, uri=str(self))
        return self.fs.open(self.path, mode=mode, **kwargs)

    def read_bytes(self) -> bytes:
        """The content."""
        with self.open("rb") as file:
            return file.read()

    def read_text(self, encoding: str | None = "utf-8", errors: str | None = None) -> str:
        """The content as text."""
        with self.open("r", encoding=encoding, errors=errors) as file:
            return file.read()

    def write_bytes(self, data: bytes) -> int:
        """Replace the content; how many bytes it has."""
        with self.open("wb") as file:
            return file.write(data)

    def write_text(self, data: str, encoding: str | None = "utf-8", errors: str | None = None) -> int:
        """Replace the content; how many characters it has."""
        with self.open("w", encoding=encoding, errors=errors) as file:
            return file.write(data)

    def read_block(self, offset: int, length: int, delimiter: bytes | None = None) -> bytes:
        """So many bytes from a place on; with a delimiter, from one to the next."""
        return self.fs.read_block(self.path, offset, length, delimiter=delimiter)

    def touch(self, exist_ok: bool = True) -> None:
        """Make an empty object unless there is one."""
        if not exist_ok and self.exists():
            raise FileExistsError(str(self))
        if not self.exists():
            self.fs.touch(self.path)

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Make a folder, or bucket, where the storage has such."""
        if self.exists():
            if not exist_ok:
                raise FileExistsError(str(self))
            return
        self.fs.makedirs(self.path, exist_ok=exist_ok) if parents else self.fs.mkdir(
            self.path, create_parents=False
        )

    def unlink(self, missing_ok: bool = False, recursive: bool = False) -> None:
        """Remove it; a folder with all that is inside, if `recursive`."""
        if not self.exists():
            if missing_ok:
                return
            raise FileNotFoundError(str(self))
        self.fs.rm(self.path, recursive=recursive)

    def rmdir(self, recursive: bool = False) -> None:
        """Remove a folder, which must be empty unless `recursive`."""
        if not recursive and next(self.iterdir(), None) is not None:
            raise OSError(f"{self} is not empty")
        if recursive:
            self.fs.rm(self.path, recursive=True)
        else:
            self.fs.rmdir(self.path)

    def copy(self, dst: Any, recursive: bool = False, **kwargs: Any) -> None:
        """Copy it, also to another storage: into `dst` if that is a folder, else to that path."""
        target = self._like(dst)
        if self.is_dir():
            if not recursive:
                raise IsADirectoryError(f"{self} is a folder: copy it with recursive=True")
            for one in self.rglob("*"):
                if one.is_file():
                    one._copy_to(target.joinpath(str(one.relative_to(self))), kwargs)
            return
        if not self.exists():
            raise FileNotFoundError(str(self))
        self._copy_to(target / self.name if target.is_dir() else target, kwargs)

    def _copy_to(self, target: Self, options: Mapping[str, Any]) -> None:
        target.fs.makedirs(target.parent.path, exist_ok=True)
        if self.samestore(target):
            self.fs.copy(self.path, target.path, **options)
            return
        with self.open("rb") as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)

    def move(self, path: Any, recursive: bool = False, **kwargs: Any) -> Self:
        """Copy it, and remove it here."""
        target = self._like(path)
        self.copy(target, recursive=recursive, **kwargs)
        self.unlink(recursive=recursive)
        return target

    def rename(self, target: Any) -> Self:
        """Another name of :meth:`move`, within the storage."""
        return self.move(
            target if isinstance(target, ObjectStoragePath) or "://" in str(target) else self._at(target)
        )

    replace = rename

    # --- as an XCom --------------------------------------------------------------------------------------------

    def serialize(self) -> dict[str, Any]:
        """What is stored of it as an XCom. The options of the storage are not: they may be secret."""
        if self.storage_options:
            raise InvalidArgument(
                f"{self} has storage options, which may be secret, and so is no XCom: put them in a connection"
            )
        return {"path": self.as_uri(), "conn_id": self.conn_id}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any], version: int) -> Self:
        """The path again."""
        return cls(data["path"], conn_id=data.get("conn_id"))
