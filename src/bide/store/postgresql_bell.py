"""The bell between processes that share a PostgreSQL database: LISTEN and NOTIFY, on a connection of its own.

Rings go out after the commit that made them true, those of several commits together: PostgreSQL lets transactions
that notify commit only one after the other, so a NOTIFY inside of each would take away what several writers gain.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import threading
import uuid
from collections.abc import Callable
from typing import Any, Final, cast

import psycopg

from bide.store.bell import TOPICS, Bell, Topic

_log = logging.getLogger(__name__)

_CHANNEL: Final = "bide"
#: Topics that only concern the process that rings them.
_OWN: Final[frozenset[str]] = frozenset({"slots"})
#: Seconds between two attempts to connect: the first, doubled up to the last.
_FIRST_PAUSE: Final = 0.05
_LAST_PAUSE: Final = 2.0


class Messenger:
    """Sends what rings in this process to others, and rings here what they send."""

    def __init__(
        self, connect: Callable[[], psycopg.Connection[Any]], bell: Bell, away: Callable[[], None]
    ) -> None:
        """`away` is called whenever the server is found out of reach."""
        self._away = away
        self._connect = connect
        self._bell = bell
        self._loop = asyncio.get_running_loop()
        self._name = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._sending: set[str] = set()
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._waker, False)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="bide-store-bell", daemon=True)
        self._leave = bell.relay(self._send)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Send what is left, if the server is there, and disconnect."""
        self._leave()
        self._stopping.set()
        self._poke()
        self._thread.join()
        os.close(self._wake)
        os.close(self._waker)

    def _send(self, topics: frozenset[Topic]) -> None:
        wanted = topics - _OWN
        if wanted:
            with self._lock:
                self._sending |= wanted
            self._poke()

    def _poke(self) -> None:
        try:
            os.write(self._waker, b".")
        except BlockingIOError:
            return  # the pipe is full of pokes already

    # --- its thread ---------------------------------------------------------------------------------------------

    def _work(self) -> None:
        pause = _FIRST_PAUSE
        is_first = True
        while True:
            try:
                with self._connect() as conn:
                    conn.add_notify_handler(self._hear)
                    conn.execute(f"LISTEN {_CHANNEL}")
                    if not is_first:
                        self._ring(frozenset(TOPICS))  # who knows what was missed meanwhile
                    is_first, pause = False, _FIRST_PAUSE
                    self._serve(conn)
                return
            except psycopg.Error as error:
                if self._stopping.is_set():
                    return
                self._away()
                _log.warning(
                    "the bell is cut off from other processes: %s; trying again", " ".join(str(error).split())
                )
            self._stopping.wait(pause)
            pause = min(pause * 2, _LAST_PAUSE)

    def _serve(self, conn: psycopg.Connection[Any]) -> None:
        """Pass rings on until told to stop."""
        while True:
            with self._lock:
                topics, self._sending = self._sending, set()
            if topics:
                try:
                    conn.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, f"{self._name} {','.join(sorted(topics))}"))
                except psycopg.Error:
                    with self._lock:
                        self._sending |= topics
                    raise
            if self._stopping.is_set():
                return
            ready, _, _ = select.select([conn.fileno(), self._wake], [], [])
            if self._wake in ready:
                os.read(self._wake, 65536)
            if conn.fileno() in ready:
                conn.execute("")  # takes what has come

    def _hear(self, note: psycopg.Notify) -> None:
        name, _, topics = note.payload.partition(" ")
        if name != self._name:
            self._ring(frozenset(topics.split(",")))

    def _ring(self, topics: frozenset[str]) -> None:
        known = cast("frozenset[Topic]", topics & TOPICS)  # another version may have more
        try:
            self._loop.call_soon_threadsafe(lambda: self._bell.ring(*known, relayed=True))
        except RuntimeError:
            return  # the loop is closed
