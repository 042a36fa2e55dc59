"""Keys that encrypt what the stores of tests keep."""

from __future__ import annotations

from typing import Final

KEY: Final = "bm9ib2R5LXNob3VsZC11c2UtdGhpcy1rZXktZXZlciE="
#: A second one, for rotation.
OTHER_KEY: Final = "YW5vdGhlci1rZXktdGhhdC1ub2JvZHktbWF5LXVzZSE="
