"""What a task says of an event."""

from bide.authoring.asset_events import Metadata as Metadata
