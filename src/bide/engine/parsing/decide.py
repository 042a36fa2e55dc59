"""Which files to parse: a pure decision."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from bide.engine.parsing.listing import Stamp


class Known(NamedTuple):
    """What a parse of a file said."""

    #: The stamps of what it read; None for what was not there.
    inputs: Mapping[str, Stamp | None]
    #: It went wrong, maybe for want of a file.
    failed: bool = False


class Decision(NamedTuple):
    """What to do, in the order of the paths."""

    to_parse: list[str]
    removed: list[str]


def decide(
    known: Mapping[str, Known],
    listed: Collection[str],
    seen: Mapping[str, Stamp | None],
    *,
    appeared: bool = False,
) -> Decision:
    """Compare what was parsed with what is there.

    `listed` are the DAG files that there are; `seen` the stamps of all inputs of known files, None for one that
    is gone. With `appeared` (some file is new) those that failed are parsed again: it may be what they missed.
    """
    to_parse = [
        path
        for path in sorted(listed)
        if path not in known
        or (appeared and known[path].failed)
        or any(seen.get(name) != was for name, was in known[path].inputs.items())
    ]
    return Decision(to_parse, sorted(known.keys() - set(listed)))
