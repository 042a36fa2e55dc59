"""How a task that begins with a wait says what it waits for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any


@dataclass
class StartTriggerArgs:
    """``start_trigger_args`` of an operator class with ``start_from_trigger = True``.

    `trigger_cls` is an import path. `next_method` of the operator goes on after the wait, with `next_kwargs` beside
    ``context`` and ``event``. `timeout` limits the wait; None waits for ever.
    """

    trigger_cls: str
    next_method: str
    trigger_kwargs: dict[str, Any] | None = None
    next_kwargs: dict[str, Any] | None = None
    timeout: dt.timedelta | None = None
