"""Encryption at rest: values of users are sealed on their way into the database, and opened on their way out.

This happens in the type of the column (:class:`Sealed`), so that there is no statement that could forget it.
A value names its key by the key's fingerprint, so that each is opened with the right key at once, however many
there are, and rows can be counted by key.

A value whose key is missing comes out of the store as it lies there, and goes back unchanged. Whoever needs it, and
nobody else, fails by :func:`bide.model.sealed.refuse_sealed`.
"""

from __future__ import annotations

import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakKeyDictionary

import sqlalchemy as sa
import sqlalchemy.exc

from bide.model.errors import BideError, ConfigError, StoreError
from bide.model.sealed import HEADER, PLAIN, SEALED, fingerprint, header_of

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_SEALED: Final = bytes([SEALED])
_PLAIN: Final = bytes([PLAIN])
#: Values that say nothing: most tasks have one of them somewhere, and sealing would treble their size.
_SAYS_NOTHING: Final = frozenset({b"", b"{}", b"[]", b"null"})


class KeySource(Protocol):
    """Where keys come from."""

    def load(self) -> Sequence[str]:
        """The keys, of which the first seals; one is made if there is none. Raises ConfigError."""
        ...

    def reload(self) -> Sequence[str]:
        """The keys as they are by now; none if they can't be read. Must not raise."""
        ...


class _GivenKeys:
    """Keys that stay as they are."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys

    def load(self) -> Sequence[str]:
        return self._keys

    def reload(self) -> Sequence[str]:
        return self._keys


class Keyring:
    """The keys of a store. They are read when the first value needs them; a key is not shown by any method.

    Used by several threads.
    """

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self._lock = threading.Lock()
        #: By fingerprint, the one that seals first. Replaced as a whole, never changed.
        self._keys: dict[bytes, Fernet] = {}
        self._first: tuple[bytes, Fernet] | None = None

    @classmethod
    def of(cls, *keys: str) -> Keyring:
        """With these keys, of which the first seals; without any, nothing can be sealed."""
        return cls(_GivenKeys(keys))

    def load(self) -> None:
        """Read the keys, unless that was done. Raises ConfigError."""
        if self._first is None:
            self._take(self._source.load())

    def reload(self) -> None:
        """Take up keys that have come since. Those that are no longer there still open what they sealed."""
        self._take(self._source.reload())

    def _take(self, keys: Sequence[str]) -> None:
        from cryptography.fernet import Fernet  # only processes that have something to seal or open need it

        with self._lock:
            fresh = {fingerprint(key): Fernet(key) for key in keys}
            if fresh:
                self._keys = {**fresh, **{name: key for name, key in self._keys.items() if name not in fresh}}
                name = fingerprint(keys[0])
                self._first = header_of(name), fresh[name]

    @property
    def fingerprints(self) -> list[str]:
        """The names of the keys, the one that seals first."""
        self.load()
        return [name.hex() for name in self._keys]

    @property
    def sealing_header(self) -> bytes:
        """What values begin with that are sealed now."""
        return self._sealing()[0]

    def _sealing(self) -> tuple[bytes, Fernet]:
        if self._first is None:
            self.load()
        if self._first is None:
            raise StoreError("this store was opened without keys: it can't keep values that have to be encrypted")
        return self._first

    def seal(self, value: bytes) -> bytes:
        """The form of `value` for the database."""
        if value in _SAYS_NOTHING:
            return _PLAIN + value
        if value[:1] == _SEALED and self._open(value) is None:
            return value  # it came from the store like this, for want of its key
        header, key = self._sealing()
        return header + urlsafe_b64decode(key.encrypt(value))

    def open(self, stored: bytes) -> bytes:
        """What :meth:`seal` was given; `stored` itself if its key is missing, or if it was never sealed."""
        first = stored[:1]
        if first == _PLAIN:
            return stored[1:]
        if first != _SEALED:
            return stored
        opened = self._open(stored)
        return stored if opened is None else opened

    def _open(self, stored: bytes) -> bytes | None:
        from cryptography.fernet import InvalidToken

        name = stored[1:HEADER]
        if name not in self._keys:
            self.load()
            if name not in self._keys:
                self.reload()
        key = self._keys.get(name)
        if key is None:
            return None
        try:
            return key.decrypt(urlsafe_b64encode(stored[HEADER:]))
        except InvalidToken:
            return None


_NO_KEYS: Final = Keyring.of()
_keyrings: WeakKeyDictionary[sa.Dialect, Keyring] = WeakKeyDictionary()


def use_keys(engine: sa.Engine, keys: Keyring) -> None:
    """Seal and open with `keys` whatever goes through `engine`."""
    _keyrings[engine.dialect] = keys


class _KeysUnusable(ConfigError, sqlalchemy.exc.DontWrapMixin):
    """Why a value can't be sealed, as it is; SQLAlchemy would tell it as an error of the statement."""


class Sealed(sa.TypeDecorator[bytes]):
    """Bytes that are encrypted in the database, and plain on this side of it."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: sa.Dialect) -> bytes | None:
        if value is None:
            return None
        try:
            return _keyrings.get(dialect, _NO_KEYS).seal(value)
        except BideError as error:
            raise _KeysUnusable(str(error)) from error

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> bytes | None:
        return None if value is None else _keyrings.get(dialect, _NO_KEYS).open(value)
