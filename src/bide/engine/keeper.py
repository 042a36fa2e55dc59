"""Keeps an engine's session alive, and takes over from others that are silent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import structlog

from bide.control.keep_session import Loss, Round, keep_session
from bide.model.errors import SessionLost, StoreUnavailable
from bide.store import Store

log = structlog.get_logger("bide.engine")

#: A session is lost when it has been silent for so many heartbeats (Airflow's rule for triggerers).
LOST_AFTER_HEARTBEATS: Final = 2.1
#: Seconds before another attempt while the store is out of reach, which takes its own time to say so.
_PAUSE: Final = 0.2
#: Seconds between two looks, at least.
_SOONEST: Final = 0.02


class SessionKeeper:
    """Sends the heartbeats of `session` for one event loop.

    They come from the loop in which the engine works: one that hangs is silent, too.
    """

    def __init__(
        self, store: Store, session: str, *, heartbeat: float, on_loss: Callable[[Loss], None] = lambda _: None
    ) -> None:
        """`heartbeat` in seconds; `on_loss` is told of each engine that was found silent by this one."""
        self._store = store
        self._session = session
        self._heartbeat = heartbeat
        self._lost_after = heartbeat * LOST_AFTER_HEARTBEATS
        self._on_loss = on_loss
        self._task: asyncio.Task[None] | None = None
        #: Monotonic seconds of the last heartbeat that was stored, and since when nothing has come between them.
        self._last = self._since = float("-inf")
        #: Why this engine has to stop, once others have ended its session.
        self.lost: asyncio.Future[SessionLost] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="session")

    async def stop(self) -> None:
        """Send no more heartbeats."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await asyncio.sleep(await self._beat())
            except SessionLost as error:
                log.error("session_lost", session=self._session, error=str(error))
                self.lost.set_result(error)
                return
            except StoreUnavailable as error:
                log.warning("heartbeat_failed", error=str(error))
                await asyncio.sleep(_PAUSE)
            except Exception:
                log.exception("heartbeat_failed")
                await asyncio.sleep(self._heartbeat)

    async def _beat(self) -> float:
        """Send one heartbeat; seconds until the next."""
        asked = self._monotonic()
        found = await keep_session(self._store, self._session, patient=self._is_patient, key=self._key)
        self._last = self._monotonic()
        for loss in found.losses:
            log.warning("engine_lost", **loss._asdict())
            self._on_loss(loss)
        return self._until_next(found, asked)

    def _key(self) -> str | None:
        return next(iter(self._store.keys.fingerprints), None)

    def _is_patient(self) -> bool:
        """Who was cut off itself, or has only begun, can't know whether the others were able to say anything: they
        get as long as they would otherwise. Called on a writer's thread."""
        now = self._monotonic()
        if now - self._last > self._lost_after:
            self._since = now
        self._since = max(self._since, self._store.away_at)
        return now - self._since <= self._lost_after

    def _until_next(self, found: Round, asked: float) -> float:
        """Soon enough for the own heartbeat, and for the moment at which somebody else may be lost."""
        moments = [asked + self._heartbeat]
        if found.next_loss is not None:
            at = self._monotonic() + (found.next_loss - self._store.clock.now()).total_seconds()
            moments.append(max(at, self._since + self._lost_after))
        return max(min(moments) - self._monotonic(), 0) + _SOONEST

    def _monotonic(self) -> float:
        return self._store.clock.monotonic()
