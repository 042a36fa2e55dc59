"""Frames on a byte stream: a four-byte big-endian length and a msgpack-encoded :class:`Frame`."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from bide.model.errors import BideError, InvalidArgument, ProtocolError
from bide.wire.messages import AnyMessage, Frame

#: Bytes of a frame's body. Larger values don't belong into messages; a wrong length must not eat all memory.
MAX_FRAME: Final = 256 * 1024 * 1024

_HEADER: Final = struct.Struct(">I")
#: Bytes in front of a frame's body.
HEADER_SIZE: Final = _HEADER.size
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


class ChannelClosed(BideError):
    """The process at the other end is gone or has closed the channel."""


def encode_frame(body: AnyMessage, *, request: int = 0, instance: str = "", epoch: int = -1) -> bytearray:
    """One frame with its length in front.

    Raises :class:`ProtocolError` if it is larger than :data:`MAX_FRAME`, or has text that is none in UTF-8.
    """
    frame = Frame(body, request, instance, epoch)
    data = bytearray(_HEADER.size)
    try:
        _encoder.encode_into(frame, data, _HEADER.size)
    except UnicodeEncodeError as error:
        raise ProtocolError(f"a text in a {type(body).__name__} message can't be sent: {error}") from None
    length = len(data) - _HEADER.size
    if length > MAX_FRAME:
        raise ProtocolError(
            f"a {type(body).__name__} message of {length / 2**20:.1f} MiB is larger than the limit of "
            f"{MAX_FRAME // 2**20} MiB; pass a reference (a path, a table) instead of the data itself"
        )
    _HEADER.pack_into(data, 0, length)
    return data


def encode_question(body: AnyMessage, *, request: int, instance: str = "", epoch: int = -1) -> bytearray:
    """A frame with what user code asks for, which may have given anything.

    Raises :class:`InvalidArgument` for a value of a wrong type, which the other end could only refuse to read.
    """
    data = encode_frame(body, request=request, instance=instance, epoch=epoch)
    try:
        _decoder.decode(memoryview(data)[_HEADER.size :])
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at ")
        argument = place.strip("`").removeprefix("$[0].")
        raise InvalidArgument(f"{type(body).__name__}: {argument} has a wrong type: {what}") from None
    return data


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def partial(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Add bytes as they came."""
        self._buffer += data

    def frames(self) -> Iterator[tuple[Frame, int]]:
        """Take out each complete frame, with its size in bytes.

        Raises :class:`ProtocolError` where one can't be read; those before it have been yielded.
        """
        while (ready := self._take()) is not None:
            yield ready

    def _take(self) -> tuple[Frame, int] | None:
        if len(self._buffer) < _HEADER.size:
            return None
        end = _HEADER.size + body_length(self._buffer)
        if len(self._buffer) < end:
            return None
        with memoryview(self._buffer) as view, view[_HEADER.size : end] as body:
            frame = decode_frame(body)
        del self._buffer[:end]
        return frame, end


def body_length(data: bytes | bytearray) -> int:
    """Bytes of the body that follows the header at the begin of `data`.

    Raises :class:`ProtocolError` if that can't be: no memory is taken for a damaged stream.
    """
    (length,) = _HEADER.unpack_from(data)
    if length > MAX_FRAME:
        raise ProtocolError(
            f"a frame claims {length} bytes, more than the limit of {MAX_FRAME}: "
            "the stream is damaged, or something else writes to this socket"
        )
    return length


def decode_frame(body: bytes | bytearray | memoryview) -> Frame:
    """Read a frame without its length; :class:`ProtocolError` if it is none."""
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"a frame of {len(body)} bytes can't be read: {error}") from error
