"""Who may ask: one user, ``admin``, with a password that is made at the first start.

A request shows either the password (HTTP Basic, RFC 7617) or a token that was given for it (Bearer, RFC 6750).
Tokens are random and held hashed in memory: they end with their lifetime or with the server.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections import OrderedDict
from pathlib import Path
from typing import Final

from bide.model.clock import Clock
from bide.model.errors import ConfigError

USER: Final = "admin"
#: Bytes of chance in a password and in a token.
_PASSWORD_BYTES: Final = 16
_TOKEN_BYTES: Final = 32
#: Tokens that are good at once; the oldest go first.
_TOKENS: Final = 10_000


def ensure_password(path: Path) -> str:
    """The password of the file at `path`, which is made with a random one if there is none; mode 0600.

    Raises :class:`ConfigError` if the file is empty or can't be read or made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            password = path.read_text(encoding="utf-8").strip()
            path.chmod(0o600)
        else:
            password = secrets.token_urlsafe(_PASSWORD_BYTES)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(password + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the password file {path} can't be used: {error}") from error
    if not password:
        raise ConfigError(f"the password file {path} is empty: write a password there, or remove the file")
    return password


class Accounts:
    """Checks credentials and gives tokens."""

    def __init__(self, password: str, clock: Clock, *, token_lifetime: float) -> None:
        """`token_lifetime` is in seconds."""
        self._password = _digest(password)
        self._clock = clock
        self.token_lifetime = token_lifetime
        #: End of life (monotonic) by the hash of the token, the oldest first.
        self._tokens: OrderedDict[bytes, float] = OrderedDict()

    def check_password(self, user: str, password: str) -> bool:
        """Whether these are good; takes the same time for every wrong answer."""
        right_user = hmac.compare_digest(user.encode(), USER.encode())
        right_password = hmac.compare_digest(_digest(password), self._password)
        return right_user and right_password

    def issue_token(self) -> str:
        """A new token for the user."""
        now = self._clock.monotonic()
        while self._tokens and (len(self._tokens) >= _TOKENS or next(iter(self._tokens.values())) <= now):
            self._tokens.popitem(last=False)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._tokens[_digest(token)] = now + self.token_lifetime
        return token

    def check_token(self, token: str) -> bool:
        """Whether `token` was given by this server and is still good."""
        end = self._tokens.get(_digest(token))
        return end is not None and self._clock.monotonic() < end

    def authenticate(self, header: str | None) -> str | None:
        """The user whom an ``Authorization`` header names, or None if it is missing or no good."""
        scheme, _, credentials = (header or "").partition(" ")
        credentials = credentials.strip()
        match scheme.lower():
            case "bearer":
                return USER if self.check_token(credentials) else None
            case "basic":
                user, separator, password = _decode_basic(credentials).partition(":")
                return user if separator and self.check_password(user, password) else None
            case _:
                return None


def _decode_basic(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _digest(secret: str) -> bytes:
    # Passwords and tokens are random and long, so that a plain hash is enough.
    return hashlib.sha256(secret.encode()).digest()
