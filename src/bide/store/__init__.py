"""The only package that knows SQL."""

from bide.store.bell import Bell, Listener, Topic
from bide.store.database import Store, Tx

__all__ = ["Bell", "Listener", "Store", "Topic", "Tx"]
