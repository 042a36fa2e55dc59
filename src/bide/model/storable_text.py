"""Texts that every database and every message takes: without NUL, and without halves of surrogate pairs."""

from __future__ import annotations


def is_storable(text: str) -> bool:
    """Whether it can be kept as it is."""
    return storable(text) == text


def storable(text: str) -> str:
    r"""`text` with what can't be kept written out, as ``\x00`` and ``\udc80``."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
