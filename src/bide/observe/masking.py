"""Secrets that must not leave this process in a log line."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus

from bide.model.sensitive_names import is_sensitive

#: What stands in a secret's place.
MASK: Final = "***"
#: Characters; a shorter value would blot out half of every log and tell its length.
SHORTEST: Final = 4
#: Characters of a line, of a secret of several lines, that is masked where it stands alone.
_SHORTEST_LINE: Final = 8
#: Lines that stand in every key file.
_COMMON_LINE: Final = re.compile(r"-----(BEGIN|END) [\w ]+-----|[\s{}\[\],]*")
#: Further parts of names whose values are secrets, as everywhere in the settings.
_MORE_NAMES: Final = ("BIDE__CORE__SENSITIVE_VAR_CONN_NAMES", "AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES")
#: Levels of a value that is redacted; below all is replaced.
_DEEPEST: Final = 20

#: The token in a callback URL, wherever one is written: only who minted it knows it otherwise.
_CALLBACK: Final = re.compile(r"(?<=/callbacks/)[\w-]{43}(?![\w-])", re.ASCII)

#: What the settings of this process say; processes of users have them in the environment.
_configured: tuple[str, ...] = ()
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


def mask_secret(secret: object, name: str | None = None) -> None:
    """Keep a value out of the log of this task, from now on::

        mask_secret(token)

    Of a dict the values whose names say that they are secrets (``password``, ``token``, ...); with `name`, the
    value only if that name says so. Values of fewer than four characters are left alone.
    """
    if isinstance(secret, Mapping):
        for key, value in cast("Mapping[Any, Any]", secret).items():
            mask_secret(value, str(key))
    elif name is None or is_secret_name(name):
        add_secret(secret)
    elif isinstance(secret, list | tuple | set | frozenset):
        for item in cast("Iterable[object]", secret):
            if not isinstance(item, str):
                mask_secret(item, name)


def is_secret_name(name: str) -> bool:
    """Whether what is called `name` is to be masked."""
    text = next((text for variable in _MORE_NAMES if (text := os.environ.get(variable))), "")
    return is_sensitive(name, [*_configured, *re.findall(r"[^\s,\"'\[\]]+", text.lower())])


def use_secret_names(words: Iterable[str]) -> None:
    """Have names with these words in them stand for secrets too, in this process."""
    global _configured  # noqa: PLW0603
    _configured = tuple(word.lower() for word in words)


def mask(text: str) -> str:
    """`text` with every known secret in it, and every token of a callback URL, replaced."""
    if "/callbacks/" in text:
        text = _CALLBACK.sub(MASK, text)
    return text if _pattern is None else _pattern.sub(MASK, text)


def mask_strings(value: Any) -> Any:
    """A copy of JSON's types with every known secret in their texts replaced, also in keys."""
    if _pattern is None:
        return value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [mask_strings(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {mask_strings(key): mask_strings(item) for key, item in cast("dict[Any, Any]", value).items()}
    return value


def redact(value: Any, name: str | None = None) -> Any:
    """A copy of `value` without secrets: known ones, and those whose names say what they are. `name` is its own."""
    return _redacted(value, name, 0)


def _redacted(value: Any, name: str | None, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if (name is not None and is_secret_name(name)) or depth > _DEEPEST:
        return MASK
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {
            key: _redacted(item, key if isinstance(key, str) else None, depth + 1)
            for key, item in cast("Mapping[Any, Any]", value).items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        items = [_redacted(item, None, depth + 1) for item in cast("Iterable[Any]", value)]
        return tuple(items) if isinstance(value, tuple) else items
    return value


def forget_secrets() -> None:
    """Empty the registry."""
    global _pattern  # noqa: PLW0603
    _secrets.clear()
    _pattern = None


def _strings(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, Mapping):
        for item in cast("Mapping[Any, Any]", value).values():
            yield from _strings(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in cast("Iterable[Any]", value):
            yield from _strings(item)


def _forms(text: str) -> set[str]:
    """How a secret may look in a line: as it is, in a URL, in JSON, in Python's own spelling, line by line."""
    forms = {text, quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1], repr(text)[1:-1]}
    if "\n" in text:
        lines = {line.strip() for line in text.splitlines()}
        forms |= {one for one in lines if len(one) >= _SHORTEST_LINE and not _COMMON_LINE.fullmatch(one)}
    return forms
