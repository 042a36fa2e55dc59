"""Which names stand for something that nobody should read in a log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

#: Parts of names, in lower case.
SENSITIVE: Final = (
    "access_token",
    "api_key",
    "apikey",
    "authorization",
    "credential",
    "keyfile_dict",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "service_account",
    "token",
)
#: Names with one of those words that stand for no secret: they say where one is got, or of what kind it is.
_HARMLESS: Final = ("token_url", "token_uri", "secret_name", "token_type", "tokens_endpoint", "key_secret_name")


def is_sensitive(name: str, more: Iterable[str] = ()) -> bool:
    """Whether what is called `name` is likely to be a secret; `more` are further parts of names."""
    lower = name.strip().lower()
    if lower in _HARMLESS:
        return False
    return any(part in lower for part in SENSITIVE) or any(part and part in lower for part in more)
