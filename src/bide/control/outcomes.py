"""Outcomes of waits as the store keeps them."""

from __future__ import annotations

import msgspec

from bide.model.errors import KeyMissing
from bide.model.sealed import refuse_sealed
from bide.wire.messages import Outcome

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Outcome)


def write_outcome(outcome: Outcome) -> bytes:
    """The stored form of `outcome`."""
    return _encode(outcome)


def read_outcome(data: bytes | None) -> Outcome:
    """What :func:`write_outcome` wrote.

    Raises :class:`msgspec.DecodeError` for anything else, and KeyMissing if the store could not open it.
    """
    refuse_sealed(data or b"")
    return _decoder.decode(data or b"")


def kept_outcome(data: bytes | None, of: str) -> tuple[Outcome | None, str]:
    """The outcome that the store has kept, or None and why it can't be read. `of` says whose, for the message."""
    try:
        return read_outcome(data), ""
    except (msgspec.DecodeError, KeyMissing) as error:
        return None, f"the outcome of {of} can't be read: {error}"
