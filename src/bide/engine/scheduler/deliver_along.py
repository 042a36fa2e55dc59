"""Runs are made with the commit of the event that they are made by."""

from __future__ import annotations

from typing import ClassVar, Final

from bide.control.deliver_assets import deliver
from bide.store import Topic, Tx, asset_events
from bide.store.claiming import decide_if_free

#: Runs made along with one commit; the rest is left to the duty, so that whoever commits does not wait for long.
_MOST: Final = 20


class DeliverAlong:
    """A sequel (:mod:`bide.store.sequels`) to whatever makes events of assets."""

    topic: ClassVar[Topic] = "assets"

    def __init__(self, session: str) -> None:
        self._session = session

    def write(self, tx: Tx) -> None:
        """See :class:`~bide.store.sequels.Sequel`."""
        if not decide_if_free(tx, "deliver_assets", self._session):
            return
        deliver(tx, _MOST)
        if not asset_events.any_marks(tx):
            tx.hush("assets")

    def stored(self, result: object) -> None:
        """See :class:`~bide.store.sequels.Sequel`."""

    def undone(self, result: object) -> None:
        """See :class:`~bide.store.sequels.Sequel`."""
