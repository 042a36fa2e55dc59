"""Stored values of users as plain JSON, for those who only look: the API and the command line.

No object is built for that: what is of a user's class is shown by its fields, what is a table by its name and size.
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from bide.model.sealed import refuse_sealed
from bide.model.storable_text import storable
from bide.model.values import decode

_TAG: Final = "__bide__"
#: Three bytes for four characters of base64.
_BYTES: Final = 3
_CHARACTERS: Final = 4


def shown_value(data: bytes) -> Any:
    """What :func:`~bide.model.values.encode` wrote, of JSON's types only: moments as ISO 8601, tuples as lists."""
    refuse_sealed(data)
    if not any(tag in data for tag in (b'"class"', b'"array"', b'"object"')):
        return _plain(decode(data))
    return _shown(msgspec.json.decode(data))


def _plain(value: Any) -> Any:
    try:
        return msgspec.json.decode(msgspec.json.encode(value, enc_hook=str))
    except UnicodeEncodeError:
        return msgspec.json.decode(msgspec.json.encode(_writable(value), enc_hook=str))


def _writable(value: Any) -> Any:
    """`value` with each half of a surrogate pair as text: Python's strings may have them, UTF-8 can't."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_writable(key): _writable(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_writable(item) for item in cast("list[Any]", value)]
    return value


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return [_shown(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    mapping = cast("dict[str, Any]", value)
    if _TAG not in mapping:
        return {key: _shown(item) for key, item in mapping.items()}
    kind, *content = mapping[_TAG]
    if kind == "class":
        return _shown(content[3])
    if kind == "array":
        return f"<{content[0]}, {len(content[2]) * _BYTES // _CHARACTERS} bytes>"
    if kind == "object":
        return f"<{content[1]} bytes at {content[0]}>"
    if kind in ("tuple", "set", "frozenset"):
        return [_shown(item) for item in content[0]]
    if kind == "dict":
        return {str(_shown(key)): _shown(item) for key, item in content[0]}
    return _plain(decode(msgspec.json.encode(mapping)))
