"""How far triggers have come that run by themselves: what they say, now and then, is sent to be stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from bide.model.values import decode, encode
from bide.runner.held_trigger import Held
from bide.wire.stream_messages import SaveCheckpoint

#: Seconds in which what a trigger says is gathered: only the last word is stored.
GATHERED: Final = 1.0


class Checkpoints:
    """Of all triggers of one runner. They may speak in any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, save: Callable[[SaveCheckpoint], None]) -> None:
        self._loop = loop
        self._save = save
        self._last: dict[Held, bytes] = {}

    def attach(self, held: Held) -> None:
        """Give the trigger of `held` what was stored for its wait, and listen to it."""
        trigger = held.trigger
        if held.load.checkpoint is not None:
            trigger.checkpoint = decode(held.load.checkpoint.value)
        trigger._keep_checkpoint = partial(self._keep, held)  # pyright: ignore[reportPrivateUsage]

    def _keep(self, held: Held, value: Any) -> None:
        stored = encode(value, what=f"{type(held.trigger).__name__}.save_checkpoint()")
        self._loop.call_soon_threadsafe(self._note, held, stored)

    def _note(self, held: Held, stored: bytes) -> None:
        if held not in self._last:
            self._loop.call_later(GATHERED, self._send, held)
        self._last[held] = stored

    def _send(self, held: Held) -> None:
        stored = self._last.pop(held)
        if not held.dropped and not held.is_over:
            # One wait, which has begun before that.
            self._save(SaveCheckpoint(held.load.wait_id, stored, held.load.armed_at + 1.0, 1))
