"""Runs start with the commit that makes them, or that makes room for them."""

from __future__ import annotations

from typing import ClassVar, Final

from bide.engine.scheduler.duties.start_runs import StartRuns
from bide.store import Topic, Tx
from bide.store.claiming import decide_if_free

#: Runs started along with one commit; the rest is left to the duty, so that whoever commits does not wait for long.
_MOST: Final = 20


class StartAlong:
    """A sequel (:mod:`bide.store.sequels`) to whatever makes runs or ends them."""

    topic: ClassVar[Topic] = "runs"

    def __init__(self, session: str, starts: StartRuns) -> None:
        self._session = session
        self._starts = starts

    def write(self, tx: Tx) -> None:
        """See :class:`~bide.store.sequels.Sequel`."""
        if decide_if_free(tx, "start_runs", self._session):
            following = self._starts.start(tx, _MOST)
            if not following.again and following.due_at is None:
                tx.hush("runs")

    def stored(self, result: object) -> None:
        """See :class:`~bide.store.sequels.Sequel`."""

    def undone(self, result: object) -> None:
        """See :class:`~bide.store.sequels.Sequel`."""
