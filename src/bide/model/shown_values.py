"""Stored values of users as plain JSON, for those who only look: the API and the command line."""

from __future__ import annotations

from typing import Any

import msgspec

from bide.model.values import decode


def shown_value(data: bytes) -> Any:
    """What :func:`~bide.model.values.encode` wrote, of JSON's types only: moments as ISO 8601, tuples as lists."""
    return msgspec.json.decode(msgspec.json.encode(decode(data), enc_hook=str))
