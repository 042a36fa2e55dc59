"""URLs as people may see them."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

from bide.observe.masking import MASK


def password_of(url: str) -> str:
    """The password in `url`, as it is meant; empty if there is none."""
    parts = _split(url)
    return unquote(parts.password or "") if parts is not None else ""


def hide_password(url: str) -> str:
    """`url` with a mask in place of its password."""
    parts = _split(url)
    if parts is None or not parts.password:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}:{MASK}@{host}").geturl()


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.password
    except ValueError:
        return None
    return parts
