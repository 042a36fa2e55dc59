"""Which waits share their looks, and which triggerers may serve a wait."""

from __future__ import annotations

import inspect
import re
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from bide.authoring.inputs import Stamp, stamp_of
from bide.authoring.operator import BaseOperator
from bide.authoring.shared_stream import stream_key
from bide.authoring.trigger import BaseTrigger
from bide.model.errors import InvalidArgument
from bide.model.values import encode

#: The queue of waits whose trigger and operator name none.
DEFAULT_QUEUE: Final = "default"

_QUEUE: Final = re.compile(r"[\w.~-]{1,250}", re.ASCII)

#: Hashes of source files, by path, with the stamp for which they hold.
_hashes: dict[str, tuple[Stamp | None, bytes]] = {}


def group_key(cls: type[BaseTrigger], classpath: str, share_key: Any, queue: str) -> str | None:
    """Names the group of waits that share their looks; None for a wait that shares with nobody.

    Waits of another version of the class's code are another group. Raises
    :class:`~bide.model.errors.NotSerializable` for a key that can't be told from others.
    """
    if share_key is None:
        return None
    digest = sha256(code_hash(cls))
    for part in (classpath.encode(), queue.encode(), encode(share_key, what=f"{cls.__name__}.share_key")):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def shared_stream_group(trigger: BaseTrigger, queue: str) -> str | None:
    """The group of those that share a stream by its key, whatever their class; None for all others.

    Two consumers of a stream would have a part of its messages each.
    """
    key = stream_key(trigger)
    return None if key is None else sha256(encode(["shared stream", key, queue], what="key")).hexdigest()


def code_hash(cls: type) -> bytes:
    """Changes when a source file changes that `cls` or a class that it derives from is defined in."""
    digest = sha256()
    for one in cls.__mro__:
        if one is not object:
            digest.update(_hash_of_source(one))
    return digest.digest()


def _hash_of_source(cls: type) -> bytes:
    try:
        path = inspect.getsourcefile(cls)
    except TypeError:  # built in
        path = None
    if path is None:
        return f"{cls.__module__}.{cls.__qualname__}".encode()
    stamp = stamp_of(path)
    known = _hashes.get(path)
    if known is None or known[0] != stamp:
        known = _hashes[path] = (stamp, sha256(Path(path).read_bytes()).digest() if stamp else path.encode())
    return known[1]


def queue_of(trigger: BaseTrigger, operator: BaseOperator | None = None) -> str:
    """The queue whose triggerers may run `trigger`: its own, its operator's, or the default one."""
    own: Any = trigger.trigger_queue
    asked: Any = own if own is not None else getattr(operator, "trigger_queue", None)
    if asked is None:
        return DEFAULT_QUEUE
    if isinstance(asked, str) and _QUEUE.fullmatch(asked):
        return asked
    raise InvalidArgument(
        f"{type(trigger).__name__}: trigger_queue must be 1 to 250 letters, digits and the characters _ - . ~, "
        f"not {asked!r}"
    )
