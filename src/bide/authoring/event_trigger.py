"""Triggers whose events are about something outside, rather than about one task."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from typing import TYPE_CHECKING, Any

from bide.authoring.trigger import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from bide.authoring.shared_stream import SharedStreamProducer


class BaseEventTrigger(BaseTrigger):
    """The base of triggers that may watch a thing outside for as long as it is there, such as a queue.

    Tasks wait for them as for any trigger, and go on with their first event. While it watches, ``run()`` goes on
    after an event when that is stored. It may yield a list of events, as many as it has at hand: those are stored
    together, which for a busy queue is many times faster than one by one.

    Triggers of packages may share a stream (:mod:`bide.authoring.shared_stream`): then ``run()`` is not called. For
    your own, :class:`~bide.authoring.stream.StreamTrigger` is simpler.
    """

    def shared_stream_key(self) -> Hashable | None:
        """Triggers with equal keys share one stream; None shares with nobody, and is run by ``run()``."""
        return None

    @classmethod
    def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        """The messages of the stream, where nothing has to be acknowledged. `kwargs` are those of one trigger."""
        raise NotImplementedError(f"{cls.__name__} has a shared_stream_key() and no open_shared_stream()")

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """What reads the stream and acknowledges, in place of :meth:`open_shared_stream`."""
        raise NotImplementedError(f"{cls.__name__} has no create_shared_stream_producer()")

    def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """The events of this trigger by the messages of the stream; it may await nothing but the next message."""
        raise NotImplementedError(f"{type(self).__name__} has a shared_stream_key() and no filter_shared_stream()")
