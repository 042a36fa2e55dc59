"""The only package that knows SQL."""

from bide.store.bell import Bell, Listener, Topic
from bide.store.database import Store, Tx
from bide.store.sealing import Keyring, KeySource

__all__ = ["Bell", "KeySource", "Keyring", "Listener", "Store", "Topic", "Tx"]
