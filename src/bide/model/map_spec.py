"""What the engine knows of what a task is expanded over: part of the serialised DAG.

Apart from :mod:`bide.model.mapping`, which DAG files load, and which has to be cheap.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sequence that something is expanded over."""

    #: ``literal``: a list of the DAG file; ``xcom``: a task's result; ``zip`` and ``concat``: made of `parts`.
    kind: Literal["literal", "xcom", "zip", "concat"]
    #: literal: how long it is.
    length: int = 0
    #: xcom: whose, and under which key.
    task_id: str = ""
    key: str = "return_value"
    parts: tuple[Source, ...] = ()
    #: zip: as long as its longest part, not as its shortest.
    longest: bool = False


class MapSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a task or a group is expanded over."""

    #: Names of arguments and what each takes its value from; in the order in which they were written.
    arguments: tuple[tuple[str, Source], ...]
    #: One source of dicts of arguments (``expand_kwargs``); its name is empty then.
    of_dicts: bool = False
