"""Bodies of requests that are any JSON."""

from __future__ import annotations

from typing import Final

import msgspec
from fastapi import Request

from bide.api.problems import BadBody, BodyTooLarge
from bide.control.send_signal import LONGEST
from bide.model.errors import NotSerializable
from bide.model.values import encode

#: Bytes of a body that is too long, which are read and thrown away so that the client sees the answer.
_PATIENCE: Final = 8 * 1024 * 1024


async def read_payload(request: Request) -> bytes:
    """The JSON of the body as a stored value.

    Raises :class:`BodyTooLarge` above 256 KiB, of which no more than that is ever kept, and :class:`BadBody`.
    """
    data = await _read(request)
    if not data.strip():
        raise BadBody("the body is empty, and must be JSON (RFC 8259): send null or {} if there is nothing to tell")
    try:
        return encode(msgspec.json.decode(data), what="the body")
    except (msgspec.DecodeError, NotSerializable, RecursionError, UnicodeDecodeError) as error:
        raise BadBody(f"the body must be JSON (RFC 8259): {error}") from None


async def _read(request: Request) -> bytes:
    parts: list[bytes] = []
    length = 0
    async for part in request.stream():
        length += len(part)
        if length <= LONGEST:
            parts.append(part)
        else:
            parts.clear()
            if length > _PATIENCE:
                break
    if length > LONGEST:
        limit = f"the body may have {LONGEST // 1024} KiB"
        raise BodyTooLarge(f"{limit}; keep what is longer elsewhere, and send where that is")
    return b"".join(parts)
