"""Names of objects in storages, as far as they can be read without looking there."""

from __future__ import annotations

from functools import total_ordering
from pathlib import PurePosixPath
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlsplit

#: Schemes of files of this machine.
LOCAL: Final = ("file", "local")
#: Schemes of hosts that have one tree of files each; in others the first part is a bucket.
_HOSTS: Final = ("ftp", "hdfs", "sftp", "smb", "ssh", "webhdfs")


@total_ordering
class ObjectName:
    """A path and what can be said of it by itself, with the names that :class:`pathlib.PurePath` has for that."""

    __version__: ClassVar[int] = 1
    sep: ClassVar[str] = "/"
    root_marker: ClassVar[str] = "/"

    def __init__(
        self, *args: Any, protocol: str | None = None, conn_id: str | None = None, **storage_options: Any
    ) -> None:
        first = args[0] if args else "."
        if isinstance(first, ObjectName):
            protocol, conn_id = protocol or first.protocol, conn_id or first.conn_id
            storage_options = {**first.storage_options, **storage_options}
            text = first.path
        else:
            text = str(first)
        if "://" in text:
            url = urlsplit(text)
            protocol = protocol or url.scheme
            before, _, host = url.netloc.rpartition("@")
            conn_id = conn_id or before or None
            # Names of objects may have ? and #, which mean nothing there.
            rest = text[text.index("://") + 3 + len(url.netloc) :]
            if protocol in _HOSTS:
                if host and conn_id is None:
                    storage_options.setdefault("host", host)
                host = ""
            text = host + rest
        self.protocol: str = protocol or "file"
        self.conn_id: str | None = conn_id
        self.storage_options: dict[str, Any] = storage_options
        self.path = self._joined(text, args[1:])

    def _joined(self, first: str, others: tuple[Any, ...]) -> str:
        rooted = self.protocol in (*LOCAL, *_HOSTS) and first.startswith(self.sep)
        base = self.sep if rooted else ""
        parts = [first.strip(self.sep), *(str(one).strip(self.sep) for one in others)]
        path = base + self.sep.join(part for part in parts if part)
        return path.rstrip(self.sep) or base or "."

    def _at(self, path: str) -> Self:
        """Another path of the same storage."""
        made = type(self)("", protocol=self.protocol, conn_id=self.conn_id, **self.storage_options)
        made.path = made._joined(path, ())
        if "fs" in self.__dict__:  # it is open already
            made.__dict__["fs"] = self.__dict__["fs"]
        return made

    @property
    def _pure(self) -> PurePosixPath:
        return PurePosixPath(self.path)

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return self.protocol in LOCAL

    @property
    def bucket(self) -> str:
        """The first part: a bucket, container, or host."""
        return self.path.partition(self.sep)[0]

    @property
    def container(self) -> str:
        """Another name of :attr:`bucket`."""
        return self.bucket

    @property
    def key(self) -> str:
        """All behind the bucket."""
        return self.path.partition(self.sep)[2]

    @property
    def namespace(self) -> str:
        """Scheme and bucket: what OpenLineage calls the namespace."""
        return f"{self.protocol}://{'' if self.is_local else self.bucket}"

    @property
    def name(self) -> str:
        """The last part."""
        return self._pure.name

    @property
    def stem(self) -> str:
        """The last part without its ending."""
        return self._pure.stem

    @property
    def suffix(self) -> str:
        """The ending of the last part, with its dot."""
        return self._pure.suffix

    @property
    def suffixes(self) -> list[str]:
        """All endings of the last part."""
        return self._pure.suffixes

    @property
    def parts(self) -> tuple[str, ...]:
        """All parts."""
        return self._pure.parts

    @property
    def parent(self) -> Self:
        """The folder that it is in."""
        return self._at(str(self._pure.parent))

    @property
    def parents(self) -> list[Self]:
        """All folders that it is in, the nearest first."""
        return [self._at(str(one)) for one in self._pure.parents if str(one) != "."]

    def joinpath(self, *others: Any) -> Self:
        """The path of something inside."""
        return self._at(self._joined(self.path, others))

    def __truediv__(self, other: Any) -> Self:
        return self.joinpath(other)

    def with_name(self, name: str) -> Self:
        """With another last part."""
        return self._at(str(self._pure.with_name(name)))

    def with_stem(self, stem: str) -> Self:
        """With another last part, but its ending."""
        return self._at(str(self._pure.with_stem(stem)))

    def with_suffix(self, suffix: str) -> Self:
        """With another ending."""
        return self._at(str(self._pure.with_suffix(suffix)))

    def relative_to(self, other: Any) -> PurePosixPath:
        """The way to here from `other`, which must be above it."""
        above = self._like(other)
        if not self.samestore(above):
            raise ValueError(f"{self} is not below {above}: they are in different storages")
        return self._pure.relative_to(above.path)

    def is_relative_to(self, other: Any) -> bool:
        """Whether `other` is above it, or the same."""
        above = self._like(other)
        return self.samestore(above) and self._pure.is_relative_to(above.path)

    def match(self, pattern: str) -> bool:
        """Whether its last parts are like a pattern."""
        return self._pure.match(pattern)

    def as_posix(self) -> str:
        """The path alone."""
        return self.path

    def as_uri(self) -> str:
        """The URL, without the connection."""
        return f"{self.protocol}://{self.path}"

    def _like(self, other: Any) -> Self:
        """`other`, which may be a URL or a path of this machine."""
        return other if isinstance(other, type(self)) else type(self)(other)

    def __str__(self) -> str:
        return f"{self.protocol}://{self.conn_id}@{self.path}" if self.conn_id else self.as_uri()

    def __fspath__(self) -> str:
        if not self.is_local:
            raise TypeError(f"{self} is not on this machine: open() it, or copy() it to a file")
        return self.path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def _key(self) -> tuple[str, str, str]:
        return self.protocol, self.conn_id or "", self.path

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, ObjectName) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._key() < other._key() if isinstance(other, ObjectName) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def samestore(self, other: Any) -> bool:
        """Whether `other` is in the same storage, by the same connection."""
        return isinstance(other, ObjectName) and self._key()[:2] == other._key()[:2]
