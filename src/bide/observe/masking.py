"""Secrets that must not leave this process in a log line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus

#: What stands in a secret's place.
MASK: Final = "***"
#: Characters; a shorter value would blot out half of every log and tell its length.
SHORTEST: Final = 4

#: The token in a callback URL, wherever one is written: only who minted it knows it otherwise.
_CALLBACK: Final = re.compile(r"(?<=/callbacks/)[\w-]{43}(?![\w-])", re.ASCII)

_secrets: set[str] = set()
_pattern: re.Pattern[str] | None = None


def add_secret(value: object) -> None:
    """Mask `value` from now on, also as it looks in a URL; of mappings and sequences every string in them.

    Values of fewer than :data:`SHORTEST` characters are left alone.
    """
    global _pattern  # noqa: PLW0603  # the registry is one per process by nature
    fresh = {form for text in _strings(value) if len(text) >= SHORTEST for form in _forms(text)}
    if fresh <= _secrets:
        return
    _secrets.update(fresh)
    # The longest first, so that no tail of a secret is left when another is a part of it.
    _pattern = re.compile("|".join(re.escape(form) for form in sorted(_secrets, key=len, reverse=True)))


def mask(text: str) -> str:
    """`text` with every known secret in it, and every token of a callback URL, replaced."""
    if "/callbacks/" in text:
        text = _CALLBACK.sub(MASK, text)
    return text if _pattern is None else _pattern.sub(MASK, text)


def forget_secrets() -> None:
    """Empty the registry."""
    global _pattern  # noqa: PLW0603
    _secrets.clear()
    _pattern = None


def _strings(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in cast("Mapping[Any, Any]", value).values():
            yield from _strings(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in cast("Iterable[Any]", value):
            yield from _strings(item)


def _forms(text: str) -> set[str]:
    return {text, quote(text, safe=""), quote_plus(text)}
