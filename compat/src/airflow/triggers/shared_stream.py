"""Streams that triggers share."""

from bide.authoring.shared_stream import AckTimeout as AckTimeout
from bide.authoring.shared_stream import AdvanceItem as AdvanceItem
from bide.authoring.shared_stream import AdvanceOutcome as AdvanceOutcome
from bide.authoring.shared_stream import SharedStreamProducer as SharedStreamProducer
from bide.authoring.shared_stream import reject_shared_stream_event as reject_shared_stream_event
