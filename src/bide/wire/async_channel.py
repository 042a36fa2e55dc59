"""The asyncio end of a channel, for the engine and for trigger runners."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import threading
from collections import deque
from collections.abc import Sequence

from bide.model.errors import ProtocolError
from bide.wire.frames import ChannelClosed, FrameReader, encode_frame, encode_question
from bide.wire.messages import AnyMessage, Frame, Reply

__all__ = ["AsyncChannel", "ChannelClosed"]

#: Bytes asked of the kernel at once.
_CHUNK = 256 * 1024
#: Seconds for the rest of a frame that :meth:`AsyncChannel.send_beside` has begun.
_PATIENCE = 1.0
#: Reading stops while frames of more bytes than this wait to be received, so that the sender slows down.
_HIGH_WATER = 8 * 1024 * 1024


class AsyncChannel:
    """Frames over a connected stream socket, for one event loop and one receiver.

    Transports of asyncio can't pass file descriptors, so this reads and writes the socket itself.
    """

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        """Use :meth:`open`."""
        sock.setblocking(False)
        self._sock = sock
        self._loop = loop
        self._reader = FrameReader()
        self._arrived: deque[tuple[Frame, int]] = deque()
        self._arrived_bytes = 0
        self._reading = False
        self._waiter: asyncio.Future[None] | None = None
        self._end: ChannelClosed | ProtocolError | None = None
        self._unsent: deque[tuple[memoryview, list[int]]] = deque()
        self._drained: asyncio.Future[None] | None = None
        self._write_closed = False
        #: Held while a frame is written whole, or kept.
        self._sending = threading.Lock()
        self._resume_reading()

    @classmethod
    async def open(cls, sock: socket.socket) -> AsyncChannel:
        """Take over `sock`, a connected stream socket, and begin to read."""
        return cls(sock, asyncio.get_running_loop())

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent."""
        return self._write_closed

    def send(
        self,
        body: AnyMessage,
        *,
        request: int = 0,
        instance: str = "",
        epoch: int = -1,
        fds: Sequence[int] = (),
    ) -> None:
        """Send a message, or keep it until the socket takes it; never blocks.

        `fds` ride along with the frame's first byte; the caller may close its copies as soon as this returns.
        Raises :class:`ChannelClosed` if the other end is gone; a frame that was kept may be lost with it.
        """
        self._send(encode_frame(body, request=request, instance=instance, epoch=epoch), fds)

    def send_question(self, body: AnyMessage, *, request: int, instance: str, epoch: int) -> None:
        """As :meth:`send`, of what user code asks for; also raises what :func:`encode_question` raises."""
        self._send(encode_question(body, request=request, instance=instance, epoch=epoch))

    def _send(self, frame: bytearray, fds: Sequence[int] = ()) -> None:
        if self._write_closed:
            raise ChannelClosed("the process at the other end has closed the channel")
        data = memoryview(frame)
        with self._sending:
            if not self._unsent:
                sent = self._try_send(data, fds)
                if self._write_closed:
                    raise ChannelClosed("the process at the other end has closed the channel")
                if sent == len(data):
                    return
                data, fds = (data[sent:], ()) if sent else (data, fds)
                self._loop.add_writer(self._sock, self._on_writable)
            self._unsent.append((data, [os.dup(fd) for fd in fds]))

    def send_beside(self, body: AnyMessage) -> bool:
        """Send a message from another thread, also while the loop does not turn.

        False if that can't be done now: the channel is closed, or the socket does not take it at once.
        """
        data = memoryview(encode_frame(body))
        with self._sending:
            # What is kept is for the loop to send, and in front of this.
            if self._unsent or self._write_closed:
                return False
            try:
                sent = self._sock.send(data)
                while sent < len(data):
                    # A frame that was begun has to be ended before anything else is sent.
                    select.select([], [self._sock], [], _PATIENCE)
                    sent += self._sock.send(data[sent:])
            except OSError:
                return False
        return True

    def exchange(self, body: AnyMessage, *, request: int, instance: str, epoch: int, timeout: float) -> AnyMessage:
        """Send a question and wait for its answer, in the loop's thread, where nothing else runs meanwhile.

        What else arrives is received later. Raises :class:`TimeoutError` after `timeout` seconds.
        """
        deadline = self._loop.time() + timeout
        self.send_question(body, request=request, instance=instance, epoch=epoch)
        while self._unsent:
            self._await_socket(deadline, writable=True)
            self._on_writable()
        seen = 0
        while True:
            for place, (frame, size) in enumerate(self._arrived):
                if place >= seen and frame.request == request and isinstance(frame.body, Reply):
                    del self._arrived[place]
                    self._arrived_bytes -= size
                    return frame.body
            seen = len(self._arrived)
            if self._end is not None:
                raise self._end
            self._await_socket(deadline)
            self._on_readable()

    def _await_socket(self, deadline: float, *, writable: bool = False) -> None:
        left = max(0.0, deadline - self._loop.time())
        sock = [self._sock]
        if not any(select.select([] if writable else sock, sock if writable else [], [], left)):
            raise TimeoutError

    async def drain(self) -> None:
        """Wait until the socket has taken all that was sent, or the channel is closed."""
        while self._unsent:
            if self._drained is None:
                self._drained = self._loop.create_future()
            await asyncio.shield(self._drained)

    async def receive(self) -> Frame:
        """The next frame.

        Raises :class:`ChannelClosed` at the end of the stream, :class:`ProtocolError` where it is damaged.
        """
        while not self._arrived:
            if self._end is not None:
                raise self._end
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        frame, size = self._arrived.popleft()
        self._arrived_bytes -= size
        if not self._reading and self._end is None and self._arrived_bytes <= _HIGH_WATER:
            self._resume_reading()
        return frame

    def close(self) -> None:
        """Close at once; what is unsent is dropped, what has arrived can still be received."""
        self._stop_reading(ChannelClosed("this channel was closed"))
        self._stop_writing()
        self._sock.close()

    def _resume_reading(self) -> None:
        self._reading = True
        self._loop.add_reader(self._sock, self._on_readable)

    def _pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._sock)

    def _on_readable(self) -> None:
        try:
            data = self._sock.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._stop_reading(ChannelClosed(f"the channel broke: {error}"))
            return
        if not data:
            where = " in the middle of a frame" if self._reader.partial else ""
            self._stop_reading(ChannelClosed(f"the process at the other end has closed the channel{where}"))
            return
        self._reader.feed(data)
        try:
            for frame, size in self._reader.frames():
                self._arrived.append((frame, size))
                self._arrived_bytes += size
        except ProtocolError as error:
            self._stop_reading(error)
        if self._arrived_bytes > _HIGH_WATER:
            self._pause_reading()
        self._wake()

    def _stop_reading(self, why: ChannelClosed | ProtocolError) -> None:
        self._pause_reading()
        if self._end is None:
            self._end = why
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _try_send(self, data: memoryview, fds: Sequence[int]) -> int:
        """Bytes that the socket took."""
        try:
            if fds:
                return socket.send_fds(self._sock, [data], list(fds))
            return self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            # What the peer wrote before it went is still to be read; only writing ends here.
            self._stop_writing()
            return 0

    def _on_writable(self) -> None:
        while self._unsent:
            data, fds = self._unsent[0]
            sent = self._try_send(data, fds)
            if self._write_closed or sent == 0:
                return
            _close_all(fds)
            if sent < len(data):
                self._unsent[0] = (data[sent:], [])
            else:
                self._unsent.popleft()
        self._loop.remove_writer(self._sock)
        self._finish_draining()

    def _stop_writing(self) -> None:
        if self._write_closed:
            return
        self._write_closed = True
        if self._unsent:
            self._loop.remove_writer(self._sock)
        for _, fds in self._unsent:
            _close_all(fds)
        self._unsent.clear()
        self._finish_draining()

    def _finish_draining(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None


def _close_all(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
    fds.clear()
