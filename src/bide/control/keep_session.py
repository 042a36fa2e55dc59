"""Engines that share a store: each says that it lives, and takes over what others leave behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from bide.control.lose_task import rescue
from bide.model.errors import SessionLost
from bide.store import Store, Tx, callback_requests, instances, obligations, sessions, waits, watchers
from bide.store.sessions import LiveSession

#: Before another look at one that could not be ended yet.
_AGAIN: Final = timedelta(seconds=0.2)


class Loss(NamedTuple):
    """An engine that was found silent, and what was taken from it."""

    kind: str
    hostname: str
    pid: int
    tasks: int
    waits: int


class Round(NamedTuple):
    """What became of one look at all sessions."""

    losses: list[Loss]
    #: When the next one is lost if it stays silent.
    next_loss: datetime | None


def silent(found: Iterable[LiveSession], own: str, now: datetime) -> tuple[list[str], datetime | None]:
    """Those of `found`, but never `own`, that are lost at `now`; and when the next one will be."""
    moments = {one.uid: one.lost_at for one in found if one.uid != own}
    lost = sorted(uid for uid, at in moments.items() if at is not None and at < now)
    return lost, min((at for at in moments.values() if at is not None and at >= now), default=None)


async def keep_session(
    store: Store, session: str, *, patient: Callable[[], bool], key: Callable[[], str | None] = lambda: None
) -> Round:
    """Say that `session` lives, and take over from those that have been silent for too long.

    `patient` is asked once the store is reached: end nobody now, since this engine itself could not reach it a
    while ago, so that the others may not have been able to either. `key` tells the fingerprint of the key with
    which it encrypts by now. Raises :class:`SessionLost` if others have ended `session`.
    """

    def work(tx: Tx) -> Round:
        if not sessions.beat(tx, session, key()):
            raise SessionLost("this engine was silent for too long: others have taken over what it had")
        lost, next_loss = silent(sessions.live(tx), session, tx.now)
        if patient():
            return Round([], tx.now if lost else next_loss)
        losses = [one for uid in lost for one in _take_over(tx, uid)]
        # Some are still taking something, or are being ended by somebody else.
        return Round(losses, next_loss if len(losses) == len(lost) else tx.now + _AGAIN)

    return await store.write(work)


def _take_over(tx: Tx, uid: str) -> list[Loss]:
    found = sessions.lock(tx, uid)
    if found is None or found.lost_at is None or found.lost_at >= tx.now:
        return []  # it came back, or somebody else is at it
    return [Loss(found.kind, found.hostname, found.pid, *hand_over(tx, uid, by="rescue", counted=True))]


def hand_over(tx: Tx, uid: str, *, by: str, counted: bool) -> tuple[int, int]:
    """End the session `uid`: what it has passes to others. The numbers of tasks and waits."""
    sessions.end(tx, uid)
    held = instances.held_by(tx, uid)
    rescue(tx, held, by=by, counted=counted)
    obligations.give_back(tx, uid)
    callback_requests.release(tx, uid)  # after the tasks: one that ended meanwhile has left its request
    watchers.release(tx, uid)
    return len(held), waits.release(tx, uid)


async def end_session(store: Store, session: str) -> None:
    """The engine stops: what it still has passes to others at once."""
    await store.write(lambda tx: hand_over(tx, session, by="engine", counted=False))
