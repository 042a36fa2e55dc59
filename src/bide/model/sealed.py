"""What a sealed value looks like: bytes that were encrypted before they went to the database.

    byte 0       what follows: SEALED, or PLAIN for a value that says nothing and was left open
    bytes 1-6    SEALED: the fingerprint of the key
    the rest     SEALED: a Fernet token, as bytes; PLAIN: the value

No encoding of a value begins with one of these bytes, so that what was stored before it was sealed is told apart.
Only the store has keys. A sealed value that reaches another part is one that the store could not open, and whoever
needs it says so by :func:`refuse_sealed`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from bide.model.errors import KeyMissing

SEALED: Final = 0x01
PLAIN: Final = 0x00
_FINGERPRINT: Final = 6
#: Bytes before the token.
HEADER: Final = 1 + _FINGERPRINT


def fingerprint(key: str) -> bytes:
    """What names `key` without telling it."""
    return sha256(b"bide fernet key " + key.encode()).digest()[:_FINGERPRINT]


def header_of(name: bytes) -> bytes:
    """What values begin with that are sealed with the key whose fingerprint is `name`."""
    return bytes([SEALED]) + name


def is_sealed(data: bytes) -> bool:
    """Whether the store had no key for `data`."""
    return data[:1] == bytes([SEALED])


def refuse_sealed(data: bytes) -> None:
    """Raise :class:`KeyMissing` if `data` is sealed, which means that the store had no key for it."""
    if is_sealed(data):
        raise KeyMissing(
            f"a stored value can't be opened: it was encrypted with key {data[1:HEADER].hex()}, which is not among "
            "the engine's keys (or the value is damaged). Put that key behind the others, in [core] fernet_key or "
            "in the key file (`bide crypto status` says where), and start the engine again; "
            "a new try of the task does without the value"
        )
