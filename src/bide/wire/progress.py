"""How far work outside is."""

from __future__ import annotations

import msgspec


class Progress(msgspec.Struct, frozen=True):
    """How far work is that a trigger waits for, as its last look has found it."""

    text: str = ""
    #: From 0 to 1.
    fraction: float | None = None
