"""Values that lie outside of the database: what is stored of them, and who may fetch them.

Stored is ``["object", url, size]``, the size in bytes. Only processes of users fetch it, from where their own
settings allow.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from bide.model.errors import ValueRefused

#: The encoded value at a URL. Raises :class:`ValueRefused` for a URL that must not be read.
Fetch = Callable[[str], bytes]

_fetch: Fetch | None = None


def use_objects(fetch: Fetch | None) -> Fetch | None:
    """Let this process fetch values from outside of the database; the answer is what counted before."""
    global _fetch  # a process is one of users, or it is none
    before, _fetch = _fetch, fetch
    return before


#: How a reference begins.
REFERENCE = b'{"__bide__": ["object",'


def reference_to(url: str, size: int) -> bytes:
    """What is stored in place of a value of `size` bytes."""
    return json.dumps({"__bide__": ["object", url, size]}).encode()


def fetch_object(url: str) -> bytes:
    """The encoded value. Raises :class:`ValueRefused` where there is no way to it."""
    if _fetch is None:
        raise ValueRefused(
            f"the value lies at {url}, and this process does not fetch it: set [xcom] objectstorage_path"
        )
    return _fetch(url)
