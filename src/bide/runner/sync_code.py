"""Threads for what triggers have ``asgiref`` call, which packages use for clients that block."""

from __future__ import annotations

import sys
from typing import Any


def call_apart() -> None:
    """Let ``sync_to_async()`` in this context use a thread of its own.

    It uses one thread for all otherwise, so that a trigger which polls its broker for a second holds up all others
    that do so. The thread begins with the first call, and ends with the context.
    """
    asgiref: Any = sys.modules.get("asgiref.sync")
    if asgiref is not None:
        asgiref.SyncToAsync.thread_sensitive_context.set(asgiref.ThreadSensitiveContext())
