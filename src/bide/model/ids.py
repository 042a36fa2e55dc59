"""Identifiers: what users may write, and what the engine makes."""

from __future__ import annotations

import re
from typing import Final

from bide.model.errors import InvalidArgument, InvalidId

#: Ids that users give. Length in bytes of UTF-8: they are names of folders, too.
MAX_ID_LENGTH: Final = 250
#: Letters of all scripts, as in Airflow.
_ALLOWED = re.compile(r"[\w.~-]+")
_SIGNAL = re.compile(r"[\w.~-]{1,250}", re.ASCII)

#: ``map_index`` of an instance that is not mapped.
NOT_MAPPED: Final = -1


def check_id(kind: str, value: object) -> str:
    """Return `value` if it may name a `kind` (``"DAG"``, ``"task"``, ...), else raise :class:`InvalidId`."""
    if not isinstance(value, str):
        raise InvalidId(f"a {kind} id must be a string, not {type(value).__name__}: {value!r}")
    if not _ALLOWED.fullmatch(value) or len(value.encode()) > MAX_ID_LENGTH:
        raise InvalidId(
            f"{value!r} can't be a {kind} id: use letters, digits, '_', '-', '.' or '~', "
            f"1 to {MAX_ID_LENGTH} bytes in UTF-8"
        )
    return value


#: Run ids also carry a time stamp, as in ``manual__2026-01-01T00:00:00+00:00``.
_RUN_ID = re.compile(r"[\w.~:+@-]{1,250}", re.ASCII)


def check_run_id(value: str) -> str:
    """Return `value` if it may name a run, else raise :class:`InvalidId`."""
    if not _RUN_ID.fullmatch(value):
        raise InvalidId(
            f"{value!r} can't be a run id: use 1 to {MAX_ID_LENGTH} letters, digits or any of _ - . ~ : + @"
        )
    return value


def uuid7(milliseconds: int, entropy: bytes) -> str:
    """A UUIDv7 (RFC 9562) in canonical form from Unix `milliseconds` and 10 bytes of `entropy`."""
    random = int.from_bytes(entropy[:10], "big")
    value = (milliseconds & (2**48 - 1)) << 80
    value |= 0x7 << 76
    value |= ((random >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random & (2**62 - 1)
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def check_signal_name(name: object) -> str:
    """`name`, if it can be a signal's; else :class:`InvalidArgument`."""
    if isinstance(name, str) and _SIGNAL.fullmatch(name):
        return name
    raise InvalidArgument(f"a signal's name has 1 to 250 letters, digits and the characters _ - . ~, not {name!r}")
